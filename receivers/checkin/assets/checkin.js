// The keypad, and a second press that does nothing. Without this script the forms work all the same.
const code = document.getElementById("code");
const keypad = document.querySelector(".keypad");

if (code && keypad) {
  keypad.hidden = false;
  keypad.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button || button.type === "submit") return;
    const digits = code.value.replace(/\D/g, "");
    code.value = group("erase" in button.dataset ? digits.slice(0, -1) : digits + button.dataset.digit);
  });
  code.addEventListener("input", () => {
    code.value = group(code.value.replace(/\D/g, ""));
  });
  // On a tablet, focus would bring up its own keyboard over ours.
  if (matchMedia("(pointer: fine)").matches) code.focus();
}

function group(digits) {
  return digits.slice(0, 8).replace(/^(\d{4})(?=\d)/, "$1 ");
}

for (const form of document.forms) {
  form.addEventListener("submit", () => {
    for (const button of form.querySelectorAll("button[type=submit]")) button.disabled = true;
  });
}

// A page that comes back from the browser's memory is a new one.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
