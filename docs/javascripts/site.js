/* What the theme leaves out for readers with a keyboard or a screen reader. It adds parts while a page is read. */
function complete() {
  document.querySelector(".md-search")?.setAttribute("aria-label", "Search");
  for (const box of document.querySelectorAll(".md-typeset__scrollwrap:not([tabindex])")) box.tabIndex = 0;
  const known = new Set();
  for (const part of document.querySelectorAll("nav")) {
    const label = document.getElementById(part.getAttribute("aria-labelledby"))?.textContent.trim();
    const name = part.getAttribute("aria-label") || label || "Code block";
    let one = name;
    for (let number = 2; known.has(one); number++) one = `${name} ${number}`;
    known.add(one);
    if (one === name && (label || part.hasAttribute("aria-label"))) continue;
    part.removeAttribute("aria-labelledby");
    part.setAttribute("aria-label", one);
  }
}
new MutationObserver(complete).observe(document, { childList: true, subtree: true });
complete();
