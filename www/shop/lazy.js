// A chunk of build {{id}}, loaded when the care guide is opened for the first time.
export const build = "{{id}}";

export function show(element) {
  const rows = [
    ["Oak", "Oil it twice a year, along the grain."],
    ["Copper", "Lemon and salt, then dry it at once."],
    ["Wool", "Air it out; wash it cold, once a winter."],
  ];
  const list = document.createElement("ul");
  list.className = "rows";
  for (const [what, how] of rows) {
    const row = list.appendChild(document.createElement("li"));
    row.appendChild(document.createElement("b")).textContent = what;
    row.appendChild(document.createElement("span")).textContent = how;
  }
  const note = document.createElement("p");
  note.className = "quiet";
  note.textContent = `From the lazy chunk of build ${build}.`;
  element.replaceChildren(list, note);
}
