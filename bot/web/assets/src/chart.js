// What a chart's lines say where the pointer is: the drawing itself is the server's, and the table below it has it all.

const words = ["in", "out", "failed"];

export function mount(chart) {
  const [times, ...lines] = JSON.parse(chart.dataset.chart);
  const hair = add(chart, "hair");
  const reading = add(chart, "reading");
  const step = (times[1] ?? times[0]) - times[0];
  const format = new Intl.DateTimeFormat(undefined, {
    ...(step >= 3600 && { weekday: "short", day: "numeric", month: "short" }),
    hour: "2-digit",
    minute: "2-digit",
  });

  chart.onpointermove = ({ clientX }) => {
    const { left, width } = chart.getBoundingClientRect();
    const part = Math.min(Math.max((clientX - left) / width, 0), 1);
    const at = Math.round(part * (times.length - 1));
    hair.style.left = `${(at / Math.max(times.length - 1, 1)) * 100}%`;
    const counts = lines.map((line, place) => `${line[at].toLocaleString()} ${words[place]}`);
    reading.textContent = [format.format(times[at] * 1000), ...counts].join(" · ");
    hair.hidden = reading.hidden = false;
  };
  chart.onpointerleave = () => {
    hair.hidden = reading.hidden = true;
  };
}

function add(chart, name) {
  const element = document.createElement("span");
  element.className = name;
  element.hidden = true;
  element.setAttribute("aria-hidden", "true");
  chart.append(element);
  return element;
}
