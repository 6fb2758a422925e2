// What a presenter orders.

function orderForm(ordered) {
  const form = part("order");
  for (const [name, choices] of [["image", known.images], ["flavor", known.flavors], ["network", known.networks]]) {
    form.elements[name].append(...choices.map((choice) => element("option", { value: choice }, choice)));
  }
  form.elements.flavor.value = "m1.tiny";
  form.elements.count.max = known.mostAtOnce;
  form.elements.fault.append(...known.faults.map(({ name }) => element("option", { value: name }, name)));
  form.elements.fault.disabled = !known.faults.length;

  form.elements.fault.addEventListener("change", () => {
    part("lesson").textContent = known.faults.find(({ name }) => name === form.elements.fault.value)?.lesson ?? "";
  });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const wanted = Object.fromEntries(new FormData(form));
    part("refusal").textContent = "";
    try {
      await ask("POST", "boots", { ...wanted, fault: wanted.fault ?? "", count: Number(wanted.count) });
      ordered();
    } catch (error) {
      part("refusal").textContent = error.message;
    }
  });
}
