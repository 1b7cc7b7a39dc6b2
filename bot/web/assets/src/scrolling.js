// A conversation is laid out from its end, and read there: 0 is the newest message, what is further up is negative.

const boxOf = (part) => part.closest("[data-from-end]") ?? part.querySelector("[data-from-end]");

// Whoever reads further up is left there while messages arrive. Returns what to do after the change.
export function holdPlace(part) {
  const box = boxOf(part);
  if (!box) return () => {};
  if (box.scrollTop > -80) return () => (box.scrollTop = 0);
  const edge = box.getBoundingClientRect().top;
  const read = [...box.querySelectorAll("li[id]")].find((line) => line.getBoundingClientRect().top >= edge);
  const before = read?.getBoundingClientRect().top;
  return () => {
    if (read?.isConnected) box.scrollTop += read.getBoundingClientRect().top - before;
  };
}

export function toEnd(box) {
  const meant = location.hash && box.querySelector(`[id="${CSS.escape(location.hash.slice(1))}"]`);
  if (meant) meant.scrollIntoView({ block: "center" });
  else box.scrollTop = 0;
}
