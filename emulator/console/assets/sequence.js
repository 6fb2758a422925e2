// The sequence diagram of a request, redrawn as spans arrive. New parts light up.

const HIGHLIGHT_NEW = `
  svg { display: block; width: 100%; min-width: 720px; height: auto; max-width: 1200px; margin: 0 auto; }
  @keyframes arrive { from { opacity: 0; transform: translateY(-6px); } 30% { filter: drop-shadow(0 0 5px #1f6feb); } }
  @media not (prefers-reduced-motion: reduce) { .new { animation: arrive 0.9s ease-out; } }
`;

function sequenceView(container) {
  const shadow = container.attachShadow({ mode: "open" });
  const style = new CSSStyleSheet();
  style.replaceSync(HIGHLIGHT_NEW);
  shadow.adoptedStyleSheets = [style];
  let shownKeys = new Set();
  let shownId = null;

  return {
    async show(request) {
      const response = await fetch(`requests/${encodeURIComponent(request.id)}/sequence.svg`);
      if (!response.ok) return;
      const svg = document.adoptNode(new DOMParser().parseFromString(await response.text(), "image/svg+xml").documentElement);
      const keyed = [...svg.querySelectorAll("[data-key]")];
      const isSame = shownId === request.id;
      for (const element of keyed) element.classList.toggle("new", isSame && !shownKeys.has(element.dataset.key));
      shownKeys = new Set(keyed.map(({ dataset }) => dataset.key));
      shownId = request.id;
      const isAtEnd = container.scrollTop + container.clientHeight >= container.scrollHeight - 40;
      shadow.replaceChildren(svg);
      if (!isSame) container.scrollTop = request.running ? container.scrollHeight : 0;
      else if (isAtEnd && request.running) container.scrollTop = container.scrollHeight;
    },
  };
}
