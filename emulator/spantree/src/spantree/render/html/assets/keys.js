// The keyboard: all that the pointer can do, and going from match to match.

const KEYS = {
  ArrowDown: (shown) => shown.move(1),
  ArrowUp: (shown) => shown.move(-1),
  PageDown: (shown) => shown.move(shown.rowsInSight),
  PageUp: (shown) => shown.move(-shown.rowsInSight),
  Home: (shown) => shown.move(-Infinity),
  End: (shown) => shown.move(Infinity),
  ArrowRight: (shown) => shown.goIn(),
  ArrowLeft: (shown) => shown.goOut(),
  Enter: (shown) => shown.move(0),
  " ": (shown) => shown.selected !== null && shown.toggle(shown.selected),
  n: (shown) => shown.goToMatch(1),
  N: (shown) => shown.goToMatch(-1),
  e: (shown) => shown.goToError(1),
  E: (shown) => shown.goToError(-1),
  c: (shown) => shown.changeCritical(),
  x: (shown) => shown.foldAll(),
  z: (shown) => shown.zoomToSpan(),
  "+": (shown) => shown.time.zoom(0.5, shown.middle()),
  "-": (shown) => shown.time.zoom(2, shown.middle()),
  0: (shown) => shown.time.showWhole(),
  "?": (shown) => shown.help(),
  Escape: (shown) => shown.select(null),
};

function listenToKeys(place, parts, shown) {
  function press(event) {
    const isOurs = (event.target === document.body && place.offsetParent) || place.contains(event.target);
    const isTyping = event.target.closest?.("input, select, textarea, dialog");
    const isPressing = event.target.closest?.("button") && [" ", "Enter"].includes(event.key);
    if (!isOurs || isTyping || isPressing || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = event.key === "/" ? () => parts.query.focus() : Object.hasOwn(KEYS, event.key) && KEYS[event.key];
    if (!act || !shown.trace.spans.length) return;
    event.preventDefault();
    act(shown);
  }

  function type(event) {
    if (event.key === "Enter") shown.goToMatch(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") {
      parts.query.value = "";
      shown.find();
      parts.scroller.focus();
    }
  }

  document.addEventListener("keydown", press);
  parts.query.addEventListener("keydown", type);
}
