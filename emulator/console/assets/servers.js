// The servers as the compute API shows them, the newest first.

const serverRows = remembering(makeServer);

function paintServers({ servers, count, problem }) {
  part("server-count").textContent = count ? count.toLocaleString("en") : "";
  part("server-words").textContent = problem || (count ? "" : "none yet");
  part("server-words").classList.toggle("bad", problem !== "");
  arrange(part("servers"), serverRows(servers, ({ id }) => id));
}

function makeServer(server) {
  const task = server["OS-EXT-STS:task_state"];
  const addresses = Object.values(server.addresses).flat().map(({ addr }) => addr);
  const where = [server["OS-EXT-SRV-ATTR:host"], ...addresses].filter(Boolean).join(" · ");
  const made = element(
    "div",
    { class: "server", "data-id": server.id, "data-status": server.status },
    element("strong", { title: server.id }, server.name),
    element("span", { class: "status" }, task ? `${server.status} · ${task}` : server.status),
    element("small", {}, where || server.flavor.id),
  );
  if (server.fault) made.append(element("small", { class: "bad", title: server.fault.message }, server.fault.message));
  if (task !== "deleting") made.append(deleteButton(server));
  return made;
}

function deleteButton(server) {
  const made = element("button", { type: "button", title: `delete ${server.name}`, "aria-label": `delete ${server.name}` }, "✕");
  made.addEventListener("click", async () => {
    made.disabled = true;
    part("refusal").textContent = "";
    await ask("DELETE", `servers/${encodeURIComponent(server.id)}`).catch((error) => {
      part("refusal").textContent = error.message;
      made.disabled = false;
    });
  });
  return made;
}
