// What the page knows at first, its elements, and how it asks.

const known = JSON.parse(document.getElementById("known").textContent);
const part = (id) => document.getElementById(id);

/** Make these the children of an element. What stays is not touched: it keeps the focus, and a click that has begun. */
function arrange(parent, wanted) {
  wanted.forEach((child, place) => {
    if (parent.children[place] !== child) parent.insertBefore(child, parent.children[place] ?? null);
  });
  while (parent.children.length > wanted.length) parent.lastElementChild.remove();
}

/** Return what makes an element of a thing, and gives the same element again for an equal thing of the same id. */
function remembering(makeOne) {
  let before = new Map();
  return (things, idOf) => {
    const now = new Map();
    for (const thing of things) {
      const [id, written] = [idOf(thing), JSON.stringify(thing)];
      const known = before.get(id);
      now.set(id, known?.written === written ? known : { written, made: makeOne(thing) });
    }
    before = now;
    return [...now.values()].map(({ made }) => made);
  };
}

/** Ask the console to do something; what it refuses is an Error that says why. */
async function ask(method, path, body) {
  const headers = { [known.tokenHeader]: known.token };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const sent = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
  const answer = await fetch(path, sent).catch(() => {
    throw new Error("The emulator is away.");
  });
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? `HTTP ${answer.status}`);
}
