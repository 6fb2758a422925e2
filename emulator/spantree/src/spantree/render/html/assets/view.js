// The part of a trace's time that is shown, and how dragging with the pointer selects another part.

const NARROWEST_VIEW = 100; // nanoseconds

function view(duration, changed) {
  let [from, to] = [0, duration];

  function show(begin, end) {
    const width = Math.min(Math.max(end - begin, NARROWEST_VIEW), duration);
    from = Math.min(Math.max(begin, 0), duration - width);
    to = from + width;
    changed();
  }

  return {
    get from() {
      return from;
    },
    get to() {
      return to;
    },
    get isWhole() {
      return from === 0 && to === duration;
    },
    show,
    showWhole: () => show(0, duration),
    zoom(factor, at) {
      show(at - (at - from) * factor, at + (to - at) * factor);
    },
    pan: (share) => show(from + share * (to - from), to + share * (to - from)),
    /** Convert a time to a share of the width: 0 at the left edge, 1 at the right one. */
    share: (time) => (time - from) / (to - from),
    /** Convert a share of the width to a time. */
    time: (share) => from + share * (to - from),
  };
}

const SMALLEST_DRAG = 5; // pixels

/** Let the user choose a range by dragging over `place`; `chosen` gets its ends as shares of the width of `scale`. */
function rangeSelection(place, scale, brush, chosen) {
  let start = null;
  let dragged = false;

  function shareAt(event) {
    const box = scale.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
  }

  function rangeTo(event) {
    return [start.share, shareAt(event)].sort((one, other) => one - other);
  }

  function begin(event) {
    dragged = false;
    if (!event.isPrimary) return cancel(); // two fingers zoom the page itself
    const isInside = event.clientX >= scale.getBoundingClientRect().left;
    start = event.button === 0 && isInside ? { x: event.clientX, share: shareAt(event) } : null;
  }

  function drag(event) {
    if (start === null || (!dragged && Math.abs(event.clientX - start.x) < SMALLEST_DRAG)) return;
    if (!dragged) place.setPointerCapture(event.pointerId);
    dragged = true;
    const [left, right] = rangeTo(event);
    brush.hidden = false;
    brush.style.left = `${left * 100}%`;
    brush.style.width = `${(right - left) * 100}%`;
  }

  function end(event) {
    if (start !== null && dragged && event.type === "pointerup") chosen(...rangeTo(event));
    cancel();
  }

  function cancel() {
    start = null;
    brush.hidden = true;
  }

  function stopClickAfterDrag(click) {
    if (dragged) click.stopPropagation(); // browsers send a click at the end of a drag, too
  }

  place.addEventListener("pointerdown", begin);
  place.addEventListener("pointermove", drag);
  place.addEventListener("pointerup", end);
  place.addEventListener("pointercancel", end);
  place.addEventListener("click", stopClickAfterDrag, { capture: true });
}
