// A live board: asks for all panels at once, draws what changed, rests while nobody looks.

import { drawBarchart, drawHeatmap, drawPiechart, drawTimeseries } from "./charts.js";
import { isHidden, readFields } from "./fields.js";
import { drawStat, drawTable } from "./figures.js";
import { makeFormat } from "./format.js";
import { registerLocales } from "./locale.js";
import { listenToControls } from "./controls.js";

const main = document.querySelector("main[data-board]");
const banner = document.getElementById("banner");
const status = document.getElementById("status");
const language = document.documentElement.lang;
const panels = new Map();
const state = { range: { from: main.dataset.from, to: main.dataset.to }, texts: {}, format: null, refresh: 5000, timer: 0, last: null, asking: null };

// A page that has been on a wall for hours is loaded anew now and then, so that it is the version that is installed.
const RELOAD_AFTER = 6 * 3600 * 1000;
const opened = Date.now();

function readColors() {
  const style = getComputedStyle(document.documentElement);
  const get = (name) => style.getPropertyValue(name).trim();
  const dark = document.documentElement.dataset.theme === "dark";
  const scale = dark
    ? [[0, "#17263f"], [0.25, "#1f4a86"], [0.6, "#3f86d8"], [1, "#b9dcff"]]
    : [[0, "#eaf1fb"], [0.25, "#b5d0f3"], [0.6, "#5b93dd"], [1, "#1d3a78"]];
  return { ink: get("--ink"), muted: get("--muted"), grid: get("--line"), card: get("--card"), family: get("--family"), scale };
}

function draw(one, data, range) {
  const body = one.section.querySelector(".body");
  const rows = data.rows;
  const fields = readFields(one.panel, data.columns);
  const hidden = rows.some((row) => fields.some((field) => isHidden(row[field.index], field)));
  if (range.fewest) for (const field of fields) if (field.words.null) field.words.null = { text: `< ${range.fewest}` };
  const why = one.section.querySelector(".few");
  why.hidden = !hidden;
  why.textContent = hidden ? state.texts.few.replace("{fewest}", range.fewest ?? "k") : "";
  const textSize = document.body.classList.contains("wall") ? 14 : 12;
  const empty = one.panel.type !== "stat" && !rows.some((row) => fields.some((field) => field.isNumber ? row[field.index] > 0 || isHidden(row[field.index], field) : row[field.index] !== null && !field.isTime));
  one.section.dataset.state = empty ? "empty" : "ready";
  if (empty) {
    const note = document.createElement("p");
    note.className = "note";
    note.textContent = one.panel.fieldConfig.defaults.noValue ?? state.texts.empty;
    body.replaceChildren(note);
    return;
  }
  body.querySelector(".note")?.remove();
  const view = {
    body, panel: one.panel, title: one.panel.title, fields, rows, range, interval: data.interval, format: state.format, texts: state.texts,
    language, textSize, colors: readColors(), width: body.clientWidth, height: body.clientHeight,
  };
  if (one.panel.type === "stat") drawStat(body, fields, rows, state.format);
  else if (one.panel.type === "table") drawTable(body, fields, rows, state.format, one.panel.title);
  else if (one.panel.type === "timeseries") drawTimeseries(view);
  else if (one.panel.type === "barchart") drawBarchart(view);
  else if (one.panel.type === "heatmap") drawHeatmap(view);
  else if (one.panel.type === "piechart") drawPiechart(view);
}

function showProblem(one, code) {
  const problem = one.section.querySelector(".problem");
  problem.hidden = !code;
  problem.textContent = code ? state.texts[`error_${code}`] ?? state.texts.error_query : "";
  problem.dataset.code = code ?? "";
  if (code && one.drawn === "") one.section.querySelector(".note")?.remove();
}

function show(answer, force = false) {
  const range = { from: answer.from, to: answer.to, at: answer.at, fewest: answer.fewest };
  for (const one of panels.values()) {
    const data = answer.panels[one.panel.id];
    showProblem(one, data.error);
    if (data.error) {
      if (one.drawn === "") one.section.dataset.state = "error";
      continue;
    }
    one.data = data;
    const timed = one.panel.type === "timeseries" || one.panel.type === "heatmap";
    const print = JSON.stringify([data, range.fewest, ...(timed ? [range.from, Math.min(range.to, range.at)] : [])]);
    if (!force && print === one.drawn) continue;
    try {
      draw(one, data, range);
      one.drawn = print;
    } catch (error) {
      // One panel that cannot be drawn must not take the others with it.
      console.error(error);
      one.section.dataset.state = "error";
      showProblem(one, "query");
    }
  }
  state.last = answer;
  main.dataset.at = answer.at;
  setStatus("live", `${state.texts.updated} ${state.format.clock(answer.at)}`);
}

function setStatus(kind, text) {
  status.dataset.state = kind;
  document.getElementById("status-text").textContent = text;
}

function complain(text) {
  banner.hidden = !text;
  banner.textContent = text;
}

async function ask() {
  clearTimeout(state.timer);
  state.asking?.abort();
  const asking = state.asking = new AbortController();
  const given = setTimeout(() => asking.abort("slow"), 30000);
  try {
    const address = `/boards/${main.dataset.board}/data?${new URLSearchParams({ ...state.range, shown: main.dataset.tenant })}`;
    const response = await fetch(address, { signal: asking.signal, headers: { accept: "application/json" } });
    // Signed out, or no longer admitted: the front door knows where to go from here.
    if (response.status === 401 || response.status === 403) {
      location.assign("/");
      return;
    }
    // Another window has chosen another tenant: this page's name would be above its figures.
    if (response.status === 409) {
      location.reload();
      return;
    }
    if (response.status === 400) {
      complain(state.texts.range_error);
      setStatus("paused", state.texts.range_error);
      return;
    }
    if (!response.ok) throw new Error(`status ${response.status}`);
    const answer = await response.json();
    complain("");
    show(answer);
  } catch {
    if (state.asking !== asking) return;
    setStatus("offline", state.texts.offline);
    complain(state.texts.offline);
  } finally {
    clearTimeout(given);
    if (state.asking === asking) {
      state.asking = null;
      wait();
    }
  }
}

function wait() {
  clearTimeout(state.timer);
  if (document.hidden) {
    setStatus("paused", state.texts.paused);
    return;
  }
  state.timer = setTimeout(() => {
    if (Date.now() - opened > RELOAD_AFTER) location.reload();
    else ask();
  }, state.refresh);
}

function redraw() {
  if (state.last) show(state.last, true);
}

function readRefresh(text) {
  const found = /^(\d+)(s|m|h)$/.exec(text ?? "");
  return found ? Number(found[1]) * { s: 1000, m: 60000, h: 3600000 }[found[2]] : 5000;
}

async function start() {
  registerLocales(globalThis.Plotly);
  const response = await fetch(`/boards/${main.dataset.board}/definition`);
  if (!response.ok) {
    location.assign("/");
    return;
  }
  const definition = await response.json();
  state.texts = definition.texts;
  state.refresh = readRefresh(definition.refresh);
  state.format = makeFormat(language, main.dataset.zone, definition.texts);
  let bottom = 0;
  const small = [];
  for (const panel of definition.panels) {
    const section = main.querySelector(`section[data-panel="${panel.id}"]`);
    for (const [name, value] of Object.entries({ x: panel.gridPos.x + 1, y: panel.gridPos.y + 1, w: panel.gridPos.w, h: panel.gridPos.h })) {
      section.style.setProperty(`--${name}`, value);
    }
    section.classList.toggle("wide", panel.gridPos.w > 12);
    if (panel.type === "stat" && panel.gridPos.w <= 6) small.push(section);
    bottom = Math.max(bottom, panel.gridPos.y + panel.gridPos.h);
    panels.set(panel.id, { panel, section, data: null, drawn: "" });
  }
  main.style.setProperty("--rows", bottom);
  document.body.style.setProperty("--bar", `${document.querySelector(".bar").offsetHeight}px`);
  // On a phone small figures go two by two.
  for (const section of small.slice(0, small.length - (small.length % 2))) section.classList.add("small");
  listenToControls({
    main,
    changeRange(range) {
      state.range = range;
      for (const one of panels.values()) one.drawn = "";
      ask();
    },
    redraw,
  });
  document.addEventListener("visibilitychange", () => (document.hidden ? wait() : ask()));
  let resizing = 0;
  const bar = document.querySelector(".bar");
  const refit = () => {
    document.body.style.setProperty("--bar", `${bar.offsetHeight}px`);
    clearTimeout(resizing);
    resizing = setTimeout(redraw, 120);
  };
  addEventListener("resize", refit);
  new ResizeObserver(refit).observe(bar);
  await ask();
}

start();
