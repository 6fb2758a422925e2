// A long list of rows. Only the rows in sight are in the page, except while it is printed.

const MARGIN = 8; // rows above and below the visible ones, so that slow scrolling shows no gaps

function list(scroller, content, { count, paint, painted }) {
  const pool = [];
  let rowHeight = 24;
  let showsAll = false;
  let scheduled = false;

  function range() {
    if (showsAll) return [0, count() - 1];
    const first = Math.max(Math.floor(scroller.scrollTop / rowHeight) - MARGIN, 0);
    const last = Math.ceil((scroller.scrollTop + scroller.clientHeight) / rowHeight) + MARGIN;
    return [first, Math.min(last, count() - 1)];
  }

  /** Paint the rows in sight. A row keeps its element while it is in sight, so that scrolling paints only new rows. */
  function update(repaintAll) {
    const [first, last] = range();
    const needed = last - first + 1;
    if (needed > pool.length) repaintAll = true; // a pool of another size assigns every row another element
    while (pool.length < needed) pool.push({ created: createRow(), row: -1 });
    const size = pool.length;
    for (let row = first; row <= last; row += 1) {
      const slot = pool[row % size];
      if (!slot.created.node.isConnected) content.append(slot.created.node);
      if (repaintAll || slot.row !== row) {
        slot.row = row;
        slot.created.node.style.top = `${row * rowHeight}px`;
        paint(slot.created, row);
      }
    }
    for (const slot of pool) {
      if (slot.row >= first && slot.row <= last) continue;
      slot.row = -1;
      slot.created.node.remove();
    }
    painted(first, last, rowHeight);
  }

  function refresh() {
    rowHeight = parseFloat(getComputedStyle(scroller).getPropertyValue("--row")) || 24;
    content.style.height = `${count() * rowHeight}px`;
    update(true);
  }

  /** Update once in the next frame, however many scroll events come before. */
  function schedule() {
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(() => {
      scheduled = false;
      update(false);
    });
  }

  scroller.addEventListener("scroll", schedule, { passive: true });
  return {
    refresh,
    /** Keep all rows in the page, or only those in sight. */
    showAll(all) {
      showsAll = all;
      refresh();
    },
    scrollToRow(row) {
      const [top, height] = [row * rowHeight, scroller.clientHeight];
      if (top < scroller.scrollTop) scroller.scrollTop = top;
      else if (top + rowHeight > scroller.scrollTop + height) scroller.scrollTop = top + rowHeight - height;
    },
    get pageSize() {
      return Math.max(Math.floor(scroller.clientHeight / rowHeight) - 1, 1);
    },
  };
}
