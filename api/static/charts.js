// Small charts of a car's signals: the band from the least to the greatest value of each moment.

(() => {
  const box = document.querySelector("[data-charts]");
  if (!box || !window.uPlot) return;
  const figures = [...box.querySelectorAll("figure")];
  const plots = new Map();
  const sync = uPlot.sync("signals");
  let span = box.querySelector("[data-span][aria-pressed=true]")?.dataset.span ?? "24h";
  let shown = null;

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const digits = (v) => (v == null ? "" : Math.abs(v) >= 100 ? v.toFixed(0) : v.toFixed(Math.abs(v) >= 10 ? 1 : 2));

  // A gap of many buckets is a parked car, not a straight line.
  function withGaps(at, low, high, bucket) {
    const x = [], a = [], b = [];
    const gap = Math.max(bucket * 6, 120);
    at.forEach((t, i) => {
      if (i && t - at[i - 1] > gap) {
        x.push(at[i - 1] + bucket);
        a.push(null);
        b.push(null);
      }
      x.push(t);
      a.push(low[i]);
      b.push(high[i]);
    });
    return [x, a, b];
  }

  function marks(data) {
    return {
      hooks: {
        drawClear: (u) => {
          if (!data.window) return;
          const [from, to] = data.window.map((t) =>
            Math.min(Math.max(u.valToPos(t, "x", true), u.bbox.left), u.bbox.left + u.bbox.width));
          u.ctx.save();
          u.ctx.fillStyle = css("--chart-window");
          u.ctx.fillRect(from, u.bbox.top, to - from, u.bbox.height);
          u.ctx.restore();
        },
        draw: (u) => {
          const { ctx } = u;
          ctx.save();
          ctx.strokeStyle = css("--chart-mark");
          ctx.lineWidth = devicePixelRatio;
          for (const mark of data.marks) {
            const x = Math.round(u.valToPos(mark.at, "x", true));
            ctx.beginPath();
            ctx.moveTo(x, u.bbox.top);
            ctx.lineTo(x, u.bbox.top + u.bbox.height);
            ctx.stroke();
          }
          ctx.restore();
        },
      },
    };
  }

  function expected(series) {
    if (series.expected == null) return [];
    return [{
      hooks: {
        draw: (u) => {
          const { ctx } = u;
          const y = Math.round(u.valToPos(series.expected, "y", true));
          if (y < u.bbox.top || y > u.bbox.top + u.bbox.height) return;
          ctx.save();
          ctx.strokeStyle = css("--text-3");
          ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
          ctx.lineWidth = devicePixelRatio;
          ctx.beginPath();
          ctx.moveTo(u.bbox.left, y);
          ctx.lineTo(u.bbox.left + u.bbox.width, y);
          ctx.stroke();
          ctx.fillStyle = css("--text-2");
          ctx.font = `${11 * devicePixelRatio}px Inter, system-ui, sans-serif`;
          const above = y - u.bbox.top > 20 * devicePixelRatio;
          ctx.textAlign = "left";
          ctx.textBaseline = "alphabetic";
          ctx.fillText(`expected ${digits(series.expected)} ${series.unit}`,
            u.bbox.left + 6 * devicePixelRatio, y + (above ? -5 : 14) * devicePixelRatio);
          ctx.restore();
        },
      },
    }];
  }

  // A scale that holds the values and, if one is expected, that too; never flatter than a hundredth.
  function range(series) {
    return (_, low, high) => {
      if (series.expected != null) {
        low = Math.min(low, series.expected);
        high = Math.max(high, series.expected);
      }
      const least = Math.max(high - low, Math.abs(high) / 100, 0.1);
      const margin = Math.max(least * 0.08, (least - (high - low)) / 2);
      return [low - margin, high + margin];
    };
  }

  function draw(figure, series, data) {
    plots.get(figure)?.destroy();
    plots.delete(figure);
    const place = figure.querySelector(".plot");
    const value = figure.querySelector("figcaption span");
    place.textContent = "";
    const has = series && series.low.some((v) => v != null);
    place.classList.toggle("none", !has);
    if (!has) {
      place.textContent = "Nothing measured in this time";
      value.textContent = "";
      return;
    }
    figure.querySelector("b").textContent = series.title;
    figure.title = series.label;
    const [x, low, high] = withGaps(data.at, series.low, series.high, data.bucket_s);
    const resting = () => {
      const known = series.high.filter((v) => v != null);
      const least = Math.min(...series.low.filter((v) => v != null));
      value.textContent = `${digits(least)} to ${digits(Math.max(...known))} ${series.unit}`;
    };
    const line = { stroke: css("--chart-1"), width: 1.25, points: { show: x.length < 40, size: 4 } };
    const date = data.month_first ? "{MMM} {D}" : "{D} {MMM}";
    const [hours, minutes, seconds] = data.twelve_hours
      ? ["{h} {aa}", "{h}:{mm} {aa}", "{h}:{mm}:{ss} {aa}"]
      : ["{HH}:{mm}", "{HH}:{mm}", "{HH}:{mm}:{ss}"];
    const axis = {
      stroke: css("--text-3"),
      font: "11px Inter, system-ui, sans-serif",
      grid: { stroke: css("--line"), width: 1 },
      ticks: { show: false },
    };
    const plot = new uPlot({
      width: place.clientWidth,
      height: 160,
      padding: [10, 4, 0, 0],
      legend: { show: false },
      tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), data.zone),
      cursor: { y: false, sync: { key: sync.key }, points: { size: 6 } },
      scales: {
        x: { min: data.since, max: data.until },
        y: { range: range(series) },
      },
      axes: [
        { ...axis, size: 36, space: 80, values: [
          [86400, date, null, null, null, null, null, null, 1],
          [3600, hours, `\n${date}`, null, `\n${date}`, null, null, null, 1],
          [60, minutes, `\n${date}`, null, `\n${date}`, null, null, null, 1],
          [1, seconds, null, null, null, null, null, null, 1],
        ] },
        { ...axis, size: 52, space: 26 },
      ],
      series: [{}, line, { ...line }],
      bands: [{ series: [2, 1], fill: css("--chart-band") }],
      plugins: [marks(data), ...expected(series)],
      hooks: {
        setCursor: [(u) => {
          const i = u.cursor.idx;
          if (i == null || low[i] == null) return resting();
          const range = low[i] === high[i] ? digits(high[i]) : `${digits(low[i])} to ${digits(high[i])}`;
          const when = new Date(x[i] * 1000).toLocaleString(data.month_first ? "en-US" : "en-GB", {
            timeZone: data.zone, day: "numeric", month: "short", hour: "numeric", minute: "2-digit", hour12: data.twelve_hours,
          });
          value.textContent = `${when} · ${range} ${series.unit}`;
        }],
      },
    }, [x, low, high], place);
    plots.set(figure, plot);
    resting();
  }

  function drawAll() {
    if (!shown) return;
    for (const figure of figures) {
      draw(figure, shown.series.find((s) => s.name === figure.dataset.signal), shown);
    }
  }

  async function load() {
    const query = new URLSearchParams({
      signals: box.dataset.signals, span, cause: box.dataset.cause,
      points: String(Math.min(Math.max(box.clientWidth - 80, 200), 1200)),
    });
    box.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(`${box.dataset.charts}?${query}`);
      if (!answer.ok) throw new Error(String(answer.status));
      shown = await answer.json();
      drawAll();
    } catch {
      for (const figure of figures) {
        figure.querySelector(".plot").textContent = "Couldn't be loaded. Try again in a moment.";
      }
    }
    box.setAttribute("aria-busy", "false");
  }

  box.addEventListener("click", (event) => {
    const button = event.target.closest("[data-span]");
    if (!button) return;
    span = button.dataset.span;
    for (const one of box.querySelectorAll("[data-span]")) {
      one.setAttribute("aria-pressed", String(one === button));
    }
    load();
  });

  let width = box.clientWidth;
  new ResizeObserver(() => {
    if (box.clientWidth !== width) {
      width = box.clientWidth;
      drawAll();
    }
  }).observe(box);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  load();
})();
