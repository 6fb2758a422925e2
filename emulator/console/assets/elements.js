// The page's configuration, its elements, and its calls to the server.

const config = JSON.parse(document.getElementById("config").textContent);
const byId = (id) => document.getElementById(id);

/** Replace the children of an element. Those that stay are not moved, so that they keep the focus and a started click. */
function replaceChildren(parent, children) {
  children.forEach((child, index) => {
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  });
  while (parent.children.length > children.length) parent.lastElementChild.remove();
}

/** Return a function that makes an element for each item, and reuses the elements of unchanged items. */
function reusing(makeElement) {
  let before = new Map();
  return (items, idOf) => {
    const now = new Map();
    for (const item of items) {
      const [id, json] = [idOf(item), JSON.stringify(item)];
      const known = before.get(id);
      now.set(id, known?.json === json ? known : { json, made: makeElement(item) });
    }
    before = now;
    return [...now.values()].map(({ made }) => made);
  };
}

/** Call an action of the server. Throws an Error with the reason if the server refuses it. */
async function callServer(method, path, body) {
  const headers = { [config.tokenHeader]: config.token };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const options = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
  const response = await fetch(path, options).catch(() => {
    throw new Error("The emulator does not answer.");
  });
  if (!response.ok) throw new Error((await response.json().catch(() => ({}))).error ?? `HTTP ${response.status}`);
}
