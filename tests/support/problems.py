"""An error as people and programs are to get it: RFC 9457 problem details."""

import httpx

from tests.support.processes import SECRET


def assert_problem(answer: httpx.Response, status: int) -> str:
    """Check that it is one, with a sentence that gives no secret away; the sentence."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert SECRET not in answer.text
    detail: str = problem["detail"]
    assert detail.endswith("."), detail
    return detail
