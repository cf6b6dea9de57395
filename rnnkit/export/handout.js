/* Draws the charts of a handout: as SVG, so that CSS can turn their colours and paper stays sharp; without eval, which the page's
   policy forbids. */
const specs = JSON.parse(document.getElementById("specs").textContent);
for (const place of document.querySelectorAll("[data-chart]"))
  vegaEmbed(place, specs[place.dataset.chart], { renderer: "svg", ast: true, actions: false })
    .catch(error => { place.textContent = `This chart could not be drawn: ${error.message}`; });
