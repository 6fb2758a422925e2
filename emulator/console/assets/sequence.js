// The sequence diagram of a trace, drawn again while spans come in; what is new in it lights up.

const LIGHT_UP = `
  svg { display: block; width: 100%; min-width: 720px; height: auto; max-width: 1200px; margin: 0 auto; }
  @keyframes arrive { from { opacity: 0; transform: translateY(-6px); } 30% { filter: drop-shadow(0 0 5px #1f6feb); } }
  @media not (prefers-reduced-motion: reduce) { .new { animation: arrive 0.9s ease-out; } }
`;

function sequenceView(place) {
  const shadow = place.attachShadow({ mode: "open" });
  const style = new CSSStyleSheet();
  style.replaceSync(LIGHT_UP);
  shadow.adoptedStyleSheets = [style];
  let seen = new Set();
  let of = null;

  return {
    async show(story) {
      const answer = await fetch(`stories/${encodeURIComponent(story.id)}/sequence.svg`);
      if (!answer.ok) return;
      const svg = document.adoptNode(new DOMParser().parseFromString(await answer.text(), "image/svg+xml").documentElement);
      const keyed = [...svg.querySelectorAll("[data-key]")];
      const isSame = of === story.id;
      for (const element of keyed) element.classList.toggle("new", isSame && !seen.has(element.dataset.key));
      seen = new Set(keyed.map(({ dataset }) => dataset.key));
      of = story.id;
      const isAtEnd = place.scrollTop + place.clientHeight >= place.scrollHeight - 40;
      shadow.replaceChildren(svg);
      if (!isSame) place.scrollTop = story.running ? place.scrollHeight : 0;
      else if (isAtEnd && story.running) place.scrollTop = place.scrollHeight;
    },
  };
}
