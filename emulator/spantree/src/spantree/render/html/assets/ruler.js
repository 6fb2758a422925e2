// The time ruler above the rows, and its lines behind them.

const TICK_WIDTH = 90; // pixels
const LABEL_ROOM = 64; // pixels that a label may need

function ruler(place, grid) {
  return {
    paint(view) {
      const marks = ticks(view.from, view.to, place.clientWidth / TICK_WIDTH);
      place.replaceChildren(
        ...marks.map(({ time, label }) => {
          const isAtEnd = (1 - view.share(time)) * place.clientWidth < LABEL_ROOM;
          return positioned(view.share(time), element("span", { class: isAtEnd ? "tick last" : "tick" }, label));
        }),
      );
      grid.replaceChildren(...marks.map(({ time }) => positioned(view.share(time), element("i", { class: "line" }))));
    },
  };
}

function positioned(share, node) {
  node.style.left = `${share * 100}%`;
  return node;
}
