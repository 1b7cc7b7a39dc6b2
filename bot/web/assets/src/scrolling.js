// A conversation is read at its end; whoever reads further up is left there.

const boxOf = (part) => part.closest("[data-from-end]") ?? part.querySelector("[data-from-end]");

export function isAtEnd(part) {
  const box = boxOf(part);
  return box !== null && box.scrollHeight - box.scrollTop - box.clientHeight < 80;
}

export function toEnd(part) {
  const box = boxOf(part);
  if (box) box.scrollTop = box.scrollHeight;
}
