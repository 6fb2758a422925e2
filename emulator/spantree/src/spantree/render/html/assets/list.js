// A long list of rows, of which only those in sight are in the page. For print all of them are.

const MARGIN = 8; // rows above and below that are there before they are seen

function list(scroller, content, { count, paint, painted }) {
  const pool = [];
  let rowHeight = 24;
  let isWhole = false;
  let waiting = false;

  function range() {
    if (isWhole) return [0, count() - 1];
    const first = Math.max(Math.floor(scroller.scrollTop / rowHeight) - MARGIN, 0);
    const last = Math.ceil((scroller.scrollTop + scroller.clientHeight) / rowHeight) + MARGIN;
    return [first, Math.min(last, count() - 1)];
  }

  /** A row stays with its element as long as both are in sight: scrolling paints only what comes in. */
  function update(everything) {
    const [first, last] = range();
    const needed = last - first + 1;
    if (needed > pool.length) everything = true;
    while (pool.length < needed) pool.push({ made: makeRow(), row: -1 });
    const size = pool.length;
    for (let row = first; row <= last; row += 1) {
      const slot = pool[row % size];
      if (!slot.made.node.isConnected) content.append(slot.made.node);
      if (everything || slot.row !== row) {
        slot.row = row;
        slot.made.node.style.top = `${row * rowHeight}px`;
        paint(slot.made, row);
      }
    }
    for (const slot of pool) {
      if (slot.row >= first && slot.row <= last) continue;
      slot.row = -1;
      slot.made.node.remove();
    }
    painted(first, last, rowHeight);
  }

  function refresh() {
    rowHeight = parseFloat(getComputedStyle(scroller).getPropertyValue("--row")) || 24;
    content.style.height = `${count() * rowHeight}px`;
    update(true);
  }

  function later() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      update(false);
    });
  }

  scroller.addEventListener("scroll", later, { passive: true });
  return {
    refresh,
    /** Have all rows in the page, or only those in sight. */
    whole(wanted) {
      isWhole = wanted;
      refresh();
    },
    bringIntoSight(row) {
      const [top, height] = [row * rowHeight, scroller.clientHeight];
      if (top < scroller.scrollTop) scroller.scrollTop = top;
      else if (top + rowHeight > scroller.scrollTop + height) scroller.scrollTop = top + rowHeight - height;
    },
    get rowsInSight() {
      return Math.max(Math.floor(scroller.clientHeight / rowHeight) - 1, 1);
    },
  };
}
