// The servers as the compute API shows them, newest first.

const serverRows = reusing(makeServerRow);

function showServers({ servers, count, error }) {
  byId("server-count").textContent = count ? count.toLocaleString("en") : "";
  byId("server-message").textContent = error || (count ? "" : "none yet");
  byId("server-message").classList.toggle("bad", error !== "");
  replaceChildren(byId("servers"), serverRows(servers, ({ id }) => id));
}

function makeServerRow(server) {
  const task = server["OS-EXT-STS:task_state"];
  const addresses = Object.values(server.addresses).flat().map(({ addr }) => addr);
  const location = [server["OS-EXT-SRV-ATTR:host"], ...addresses].filter(Boolean).join(" · ");
  const row = element(
    "div",
    { class: "server", "data-id": server.id, "data-status": server.status },
    element("strong", { title: server.id }, server.name),
    element("span", { class: "status" }, task ? `${server.status} · ${task}` : server.status),
    element("small", {}, location || server.flavor.id),
  );
  if (server.fault) row.append(element("small", { class: "bad", title: server.fault.message }, server.fault.message));
  if (task !== "deleting") row.append(makeDeleteButton(server));
  return row;
}

function makeDeleteButton(server) {
  const button = element("button", { type: "button", title: `delete ${server.name}`, "aria-label": `delete ${server.name}` }, "✕");
  button.addEventListener("click", async () => {
    button.disabled = true;
    byId("error").textContent = "";
    await callServer("DELETE", `servers/${encodeURIComponent(server.id)}`).catch((error) => {
      byId("error").textContent = error.message;
      button.disabled = false;
    });
  });
  return button;
}
