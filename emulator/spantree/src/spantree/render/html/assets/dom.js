// Creates elements. Texts of spans become text nodes and attribute values, never markup, so no span can inject any.

function element(tag, attributes = {}, ...children) {
  const created = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) created.setAttribute(name, "");
    else if (value !== false && value !== undefined) created.setAttribute(name, value);
  }
  created.append(...children.filter((child) => child !== "" && child !== undefined));
  return created;
}

function button(text, title, act) {
  const created = element("button", { type: "button", title }, text);
  created.addEventListener("click", act);
  return created;
}

/** Whether names and bars stand side by side. The style sheet has the same condition. */
const wideScreen = window.matchMedia("print, (min-width: 700px)");
