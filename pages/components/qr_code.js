/* The QR code of a link (qr_code.py). Pressed, a dialog of the browser shows it over everything, and asks for the whole screen,
   which a browser may refuse. Escape, or a press anywhere, closes it. */

export default function ({ data, parentElement }) {
  const [small, dialog] = parentElement.querySelectorAll(".small, dialog");
  const close = () => { if (document.fullscreenElement) document.exitFullscreen().catch(() => {}); dialog.close(); };
  for (const image of parentElement.querySelectorAll("img")) Object.assign(image, { src: data.image, alt: `QR code of ${data.link}` });
  dialog.querySelector("p").textContent = data.link.replace(/^https?:\/\//, "");
  small.onclick = () => {
    dialog.showModal();
    document.documentElement.requestFullscreen?.().catch(() => {});
  };
  dialog.onclick = close;
  dialog.onkeydown = event => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();             // Streamlit's own dialog behind it stays open
    close();
  };
  const left = () => { if (!document.fullscreenElement && dialog.open) dialog.close(); };    // Escape left the whole screen
  document.addEventListener("fullscreenchange", left);
  return () => document.removeEventListener("fullscreenchange", left);
}
