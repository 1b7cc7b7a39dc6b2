"""Time zones by the names that people give them: a city, or a part of a country."""

from zoneinfo import available_timezones

from bot.rulebook.findings import did_you_mean

_OTHER_NAMES = {
    "eastern": "America/New_York", "est5edt": "America/New_York", "et": "America/New_York", "edt": "America/New_York",
    "central": "America/Chicago", "ct": "America/Chicago", "cdt": "America/Chicago", "cst": "America/Chicago",
    "mountain": "America/Denver", "mt": "America/Denver", "mdt": "America/Denver",
    "pacific": "America/Los_Angeles", "pt": "America/Los_Angeles", "pst": "America/Los_Angeles",
    "pdt": "America/Los_Angeles", "san_francisco": "America/Los_Angeles", "seattle": "America/Los_Angeles",
    "boston": "America/New_York", "miami": "America/New_York", "washington": "America/New_York",
    "atlanta": "America/New_York", "philadelphia": "America/New_York", "houston": "America/Chicago",
    "dallas": "America/Chicago", "austin": "America/Chicago", "uk": "Europe/London", "england": "Europe/London",
    "bst": "Europe/London", "france": "Europe/Paris", "germany": "Europe/Berlin", "spain": "Europe/Madrid",
    "italy": "Europe/Rome", "cest": "Europe/Paris", "munich": "Europe/Berlin", "hamburg": "Europe/Berlin",
    "barcelona": "Europe/Madrid", "milan": "Europe/Rome", "lyon": "Europe/Paris", "india": "Asia/Kolkata",
    "mumbai": "Asia/Kolkata", "delhi": "Asia/Kolkata", "beijing": "Asia/Shanghai", "china": "Asia/Shanghai",
}  # fmt: skip


def zone_hint(given: str) -> str:
    """` Did you mean "America/New_York"?`, or nothing when no zone is near."""
    zones = sorted(available_timezones())
    place = "_".join(given.replace("-", " ").split()).lower().removesuffix("_time").removesuffix("_timezone")
    if other := _OTHER_NAMES.get(place.replace("_standard", "").replace("_daylight", "")):
        return f' Did you mean "{other}"?'
    cities = {zone.rpartition("/")[2].lower(): zone for zone in reversed(zones) if "/" in zone}
    city = place.rpartition("/")[2].rpartition(",")[2].strip("_")
    if found := cities.get(place) or cities.get(city) or cities.get(place.partition(",")[0]):
        return f' Did you mean "{found}"?'
    near = did_you_mean(city, cities)
    if near:
        return f' Did you mean "{cities[near.split(chr(34))[1]]}"?'
    return did_you_mean(given, zones)
