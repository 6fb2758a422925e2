// The keyboard: everything that the pointer can do, and jumping from match to match and from error to error.

const KEYS = {
  ArrowDown: (actions) => actions.move(1),
  ArrowUp: (actions) => actions.move(-1),
  PageDown: (actions) => actions.move(actions.pageSize),
  PageUp: (actions) => actions.move(-actions.pageSize),
  Home: (actions) => actions.move(-Infinity),
  End: (actions) => actions.move(Infinity),
  ArrowRight: (actions) => actions.goToChild(),
  ArrowLeft: (actions) => actions.goToParent(),
  Enter: (actions) => actions.move(0),
  " ": (actions) => actions.selected !== null && actions.toggle(actions.selected),
  n: (actions) => actions.goToMatch(1),
  N: (actions) => actions.goToMatch(-1),
  e: (actions) => actions.goToError(1),
  E: (actions) => actions.goToError(-1),
  c: (actions) => actions.toggleCriticalPath(),
  x: (actions) => actions.foldAll(),
  z: (actions) => actions.zoomToSpan(),
  "+": (actions) => actions.time.zoom(0.5, actions.zoomCentre()),
  "-": (actions) => actions.time.zoom(2, actions.zoomCentre()),
  0: (actions) => actions.time.showWhole(),
  "?": (actions) => actions.toggleHelp(),
  Escape: (actions) => actions.select(null),
};

function listenToKeys(place, parts, actions) {
  function press(event) {
    const isForUs = (event.target === document.body && place.offsetParent) || place.contains(event.target);
    const isTyping = event.target.closest?.("input, select, textarea, dialog");
    const isPressingButton = event.target.closest?.("button") && [" ", "Enter"].includes(event.key);
    if (!isForUs || isTyping || isPressingButton || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = event.key === "/" ? () => parts.query.focus() : Object.hasOwn(KEYS, event.key) && KEYS[event.key];
    if (!act || !actions.trace.spans.length) return;
    event.preventDefault();
    act(actions);
  }

  function pressInQuery(event) {
    if (event.key === "Enter") actions.goToMatch(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") {
      parts.query.value = "";
      actions.find();
      parts.scroller.focus();
    }
  }

  document.addEventListener("keydown", press);
  parts.query.addEventListener("keydown", pressInQuery);
}
