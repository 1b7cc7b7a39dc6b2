// What the bot could not keep of what somebody wrote: the tab has it until the page comes again, after a login or a reload.

const key = () => `bot_unkept_${document.body.dataset.person ?? ""}`;

function all() {
  try {
    return JSON.parse(sessionStorage.getItem(key())) ?? {};
  } catch {
    return {};
  }
}

function write(found) {
  try {
    if (Object.keys(found).length) sessionStorage.setItem(key(), JSON.stringify(found));
    else sessionStorage.removeItem(key());
  } catch (error) {
    console.info(error); // larger than a browser takes
  }
}

export const lay = (name, what) => write({ ...all(), [name]: what });

export function take(name) {
  const { [name]: what = null, ...others } = all();
  if (what !== null) write(others);
  return what;
}
