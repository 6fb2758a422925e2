// The pointer: clicks on rows, tooltips, the wheel, and drags that choose a range of time.

function listenToPointer(parts, actions) {
  const tip = tooltip(parts.frame);

  function click(event) {
    const row = event.target.closest(".row");
    if (!row) return;
    tip.hide();
    const number = Number(row.dataset.number);
    if (event.target.closest(".fold") && actions.trace.spans[number].descendants) actions.toggle(number);
    else actions.select(number);
  }

  function hover(event) {
    const row = event.pointerType === "mouse" && !event.buttons && event.target.closest(".row");
    if (row) tip.show(actions.trace.spans[Number(row.dataset.number)], event);
    else tip.hide();
  }

  function wheel(event) {
    const isSideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (!event.ctrlKey && !event.shiftKey && !isSideways) return; // it scrolls the rows
    event.preventDefault();
    const box = parts.ruler.getBoundingClientRect();
    const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
    if (event.ctrlKey) actions.time.zoom(event.deltaY > 0 ? 1.25 : 0.8, actions.time.time(share));
    else actions.time.pan((event.deltaX || event.deltaY) / 600);
  }

  function choose(left, right) {
    actions.time.show(actions.time.time(left), actions.time.time(right));
  }

  rangeSelection(parts.frame, parts.ruler, parts.brush, choose);
  parts.rows.addEventListener("click", click);
  parts.frame.addEventListener("pointermove", hover);
  parts.frame.addEventListener("pointerleave", () => tip.hide());
  parts.frame.addEventListener("wheel", wheel, { passive: false });
  parts.ruler.addEventListener("dblclick", () => actions.time.showWhole());
}
