// A panel's columns with what the dashboard says of them: title, unit, decimals, colour, words for values.

const NUMERIC = /^(Nullable\()?(LowCardinality\()?(Nullable\()?(U?Int|Float|Decimal)/;
const TIME = /^(Nullable\()?DateTime/;

export function readFields(panel, columns) {
  const defaults = panel.fieldConfig.defaults;
  const overrides = new Map(panel.fieldConfig.overrides.map((one) => [one.matcher.options, one.properties]));
  return columns.map((column, index) => {
    const properties = Object.fromEntries((overrides.get(column.name) ?? []).map((one) => [one.id, one.value]));
    const field = {
      index,
      name: column.name,
      isNumber: NUMERIC.test(column.type),
      isTime: TIME.test(column.type),
      title: properties.displayName ?? column.name,
      unit: properties.unit ?? defaults.unit ?? "",
      decimals: properties.decimals ?? defaults.decimals,
      color: properties.color?.fixedColor,
      steps: properties.thresholds?.steps,
      width: properties["custom.width"],
      isBar: properties["custom.cellOptions"]?.type === "gauge",
      words: readWords(properties.mappings ?? (NUMERIC.test(column.type) ? defaults.mappings : undefined) ?? []),
    };
    return field;
  });
}

// What stands for some values. A figure that is hidden, since it would tell of too few people, comes as null.
function readWords(mappings) {
  const words = {};
  for (const { type, options } of mappings) {
    if (type === "value") Object.assign(words, options);
    else if (options.match === "null") words.null = options.result;
  }
  return words;
}

export function isHidden(raw, field) {
  return raw === null && field.words.null !== undefined;
}

export function showValue(raw, field, format) {
  return field.words[String(raw)]?.text ?? format.value(raw, field);
}

export function chooseColor(raw, field) {
  const word = field.words[String(raw)];
  if (word?.color) return word.color;
  if (field.steps && typeof raw === "number") {
    return field.steps.filter((step) => step.value === null || raw >= step.value).at(-1)?.color;
  }
  return field.color;
}

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}
