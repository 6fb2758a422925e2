// Elements. What comes from spans gets into the page as text nodes and as values of harmless attributes, never as markup.

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== "" && child !== undefined));
  return made;
}

function button(words, title, act) {
  const made = element("button", { type: "button", title }, words);
  made.addEventListener("click", act);
  return made;
}

const wide = window.matchMedia("print, (min-width: 700px)");
