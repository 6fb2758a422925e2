// The part of a trace's time that is shown, and how the pointer chooses another one.

const NARROWEST = 100; // nanoseconds

function view(whole, changed) {
  let [from, to] = [0, whole];

  function show(begin, end) {
    const width = Math.min(Math.max(end - begin, NARROWEST), whole);
    from = Math.min(Math.max(begin, 0), whole - width);
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
      return from === 0 && to === whole;
    },
    show,
    showWhole: () => show(0, whole),
    zoom(factor, at) {
      show(at - (at - from) * factor, at + (to - at) * factor);
    },
    pan: (share) => show(from + share * (to - from), to + share * (to - from)),
    /** Where a time is: 0 at the left edge, 1 at the right one. */
    share: (time) => (time - from) / (to - from),
    time: (share) => from + share * (to - from),
  };
}

const SMALLEST_DRAG = 5; // pixels

/** Let a stretch be chosen by dragging over `place`; `chosen` gets its ends as shares of the width of `scale`. */
function selecting(place, scale, brush, chosen) {
  let began = null;
  let dragged = false;

  function shareAt(event) {
    const box = scale.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
  }

  function stretchTo(event) {
    return [began.share, shareAt(event)].sort((one, other) => one - other);
  }

  function begin(event) {
    dragged = false;
    if (!event.isPrimary) return cancel(); // two fingers are for the page
    const isInside = event.clientX >= scale.getBoundingClientRect().left;
    began = event.button === 0 && isInside ? { x: event.clientX, share: shareAt(event) } : null;
  }

  function drag(event) {
    if (began === null || (!dragged && Math.abs(event.clientX - began.x) < SMALLEST_DRAG)) return;
    if (!dragged) place.setPointerCapture(event.pointerId);
    dragged = true;
    const [left, right] = stretchTo(event);
    brush.hidden = false;
    brush.style.left = `${left * 100}%`;
    brush.style.width = `${(right - left) * 100}%`;
  }

  function end(event) {
    if (began !== null && dragged && event.type === "pointerup") chosen(...stretchTo(event));
    cancel();
  }

  function cancel() {
    began = null;
    brush.hidden = true;
  }

  function swallow(click) {
    if (dragged) click.stopPropagation(); // the end of a drag is no click on what is there
  }

  place.addEventListener("pointerdown", begin);
  place.addEventListener("pointermove", drag);
  place.addEventListener("pointerup", end);
  place.addEventListener("pointercancel", end);
  place.addEventListener("click", swallow, { capture: true });
}
