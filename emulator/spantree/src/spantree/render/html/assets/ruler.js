// The time ruler above the rows, and its lines behind them.

const TICK_WIDTH = 90; // pixels
const ROOM = 48; // pixels that a label may need

function ruler(place, grid) {
  return {
    paint(view) {
      const marks = ticks(view.from, view.to, place.clientWidth / TICK_WIDTH);
      place.replaceChildren(
        ...marks.map(({ time, words }) => {
          const isAtEnd = (1 - view.share(time)) * place.clientWidth < ROOM;
          return at(view.share(time), element("span", { class: isAtEnd ? "tick last" : "tick" }, words));
        }),
      );
      grid.replaceChildren(...marks.map(({ time }) => at(view.share(time), element("i", { class: "line" }))));
    },
  };
}

function at(share, made) {
  made.style.left = `${share * 100}%`;
  return made;
}
