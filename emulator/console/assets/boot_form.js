// The form that boots servers.

function setUpBootForm(onBoot) {
  const form = byId("boot-form");
  for (const [name, choices] of [["image", config.images], ["flavor", config.flavors], ["network", config.networks]]) {
    form.elements[name].append(...choices.map((choice) => element("option", { value: choice }, choice)));
  }
  form.elements.flavor.value = "m1.tiny";
  form.elements.count.max = config.mostAtOnce;
  form.elements.fault.append(...config.faults.map(({ name }) => element("option", { value: name }, name)));
  form.elements.fault.disabled = !config.faults.length;

  form.elements.fault.addEventListener("change", () => {
    byId("lesson").textContent = config.faults.find(({ name }) => name === form.elements.fault.value)?.lesson ?? "";
  });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const fields = Object.fromEntries(new FormData(form));
    byId("error").textContent = "";
    try {
      await callServer("POST", "boots", { ...fields, fault: fields.fault ?? "", count: Number(fields.count) });
      onBoot();
    } catch (error) {
      byId("error").textContent = error.message;
    }
  });
}
