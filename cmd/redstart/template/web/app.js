const state = document.getElementById("state");
const list = document.getElementById("messages");
const form = document.getElementById("form");
const problem = document.getElementById("problem");

// An EventSource reconnects by itself and tells the server the last id it saw;
// the server continues behind it.
const live = new EventSource("/live");
live.addEventListener("open", () => show("live"));
live.addEventListener("error", () => show(live.readyState === EventSource.CLOSED ? "closed" : "reconnecting"));
live.addEventListener("posted", event => {
  const message = JSON.parse(event.data);
  const item = document.createElement("li");
  const time = document.createElement("time");
  time.dateTime = message.at;
  time.textContent = new Date(message.at).toLocaleTimeString();
  item.append(message.text, time); // as text, never as HTML
  list.prepend(item);
  document.getElementById("empty").hidden = true;
});

function show(text) {
  state.dataset.state = text;
  state.textContent = text;
}

form.addEventListener("submit", async event => {
  event.preventDefault();
  problem.textContent = "";
  try {
    const reply = await fetch("/messages", {
      method: "POST",
      headers: {"Content-Type": "application/json"},
      body: JSON.stringify({text: form.text.value}),
    });
    if (!reply.ok) throw new Error((await reply.json()).detail);
    form.reset();
  } catch (error) {
    problem.textContent = `Not posted: ${error.message}`;
  }
  form.text.focus();
});
