// The pointer: clicks on rows, what stands beside it, the wheel, and drags that choose a stretch of time.

function listenToPointer(parts, shown) {
  const tip = tooltip(parts.frame);

  function click(event) {
    const row = event.target.closest(".row");
    if (!row) return;
    tip.hide();
    const number = Number(row.dataset.number);
    if (event.target.closest(".fold") && shown.trace.spans[number].below) shown.toggle(number);
    else shown.select(number);
  }

  function hover(event) {
    const row = event.pointerType === "mouse" && !event.buttons && event.target.closest(".row");
    if (row) tip.show(shown.trace.spans[Number(row.dataset.number)], event);
    else tip.hide();
  }

  function wheel(event) {
    const isSideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (!event.ctrlKey && !event.shiftKey && !isSideways) return;
    event.preventDefault();
    const box = parts.ruler.getBoundingClientRect();
    const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
    if (event.ctrlKey) shown.time.zoom(event.deltaY > 0 ? 1.25 : 0.8, shown.time.time(share));
    else shown.time.pan((event.deltaX || event.deltaY) / 600);
  }

  function choose(left, right) {
    shown.time.show(shown.time.time(left), shown.time.time(right));
  }

  selecting(parts.frame, parts.ruler, parts.brush, choose);
  parts.rows.addEventListener("click", click);
  parts.frame.addEventListener("pointermove", hover);
  parts.frame.addEventListener("pointerleave", () => tip.hide());
  parts.frame.addEventListener("wheel", wheel, { passive: false });
  parts.ruler.addEventListener("dblclick", () => shown.time.showWhole());
}
