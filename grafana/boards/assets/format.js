// Numbers, durations and times as the reader's language writes them.

export function makeFormat(language, zone, texts) {
  const locale = language === "fr" ? "fr-FR" : "en-GB";
  const numbers = new Map();

  function number(value, decimals, style = "decimal", least = 0) {
    const key = `${style}/${decimals}/${least}`;
    if (!numbers.has(key)) {
      numbers.set(key, new Intl.NumberFormat(locale, {
        style, minimumFractionDigits: least, maximumFractionDigits: decimals ?? 1,
      }));
    }
    return numbers.get(key).format(value);
  }

  function duration(seconds, decimals) {
    if (seconds < 120) return `${number(seconds, seconds < 10 ? decimals : 0)} s`;
    if (seconds < 7200) return `${number(seconds / 60, 0)} min`;
    if (seconds < 172800) return `${number(seconds / 3600, 0)} h`;
    return `${number(seconds / 86400, 0)} ${language === "fr" ? "j" : "d"}`;
  }

  const clock = new Intl.DateTimeFormat(locale, { timeZone: zone, hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const moment = new Intl.DateTimeFormat(locale, {
    timeZone: zone, day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit",
  });
  const day = new Intl.DateTimeFormat(locale, { timeZone: zone, weekday: "short", day: "numeric", month: "short" });
  const hour = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", hourCycle: "h23" });
  const sortable = new Intl.DateTimeFormat("sv-SE", {
    timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
  });

  function time(milliseconds, unit) {
    if (unit === "time:ddd D MMM A") {
      const half = Number(hour.format(milliseconds)) < 13 ? texts.morning : texts.afternoon;
      return `${day.format(milliseconds)} ${half}`;
    }
    return moment.format(milliseconds).replace(", ", " ");
  }

  function value(raw, field) {
    if (raw === null || raw === undefined || raw === "") return texts.none;
    if (field.isTime) return time(raw, field.unit);
    if (typeof raw !== "number") return String(raw);
    if (field.unit === "percentunit") return number(raw, field.decimals ?? 0, "percent");
    if (field.unit === "s") return duration(raw, field.decimals ?? 1);
    if (field.unit.startsWith("prefix:")) return field.unit.slice(7) + number(raw, field.decimals);
    if (field.unit.startsWith("suffix:")) return number(raw, field.decimals) + field.unit.slice(7);
    return number(raw, field.decimals);
  }

  // Plotly knows no time zones: it is given the tenant's wall-clock time.
  const local = (milliseconds) => sortable.format(milliseconds).replace(" ", "T");

  return { value, number, clock: (milliseconds) => clock.format(milliseconds), local, locale };
}
