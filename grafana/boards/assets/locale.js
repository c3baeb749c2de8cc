// Days, months and number signs for plotly's axes, in both languages: it needs every entry.

const SHARED = {
  dateTime: "%A %-d %B %Y %X", date: "%d/%m/%Y", time: "%H:%M:%S", periods: ["AM", "PM"], grouping: [3], currency: ["", " €"],
  year: "%Y", month: "%b %Y", dayMonth: "%-d %b", dayMonthYear: "%-d %b %Y",
};

const FRENCH = {
  ...SHARED,
  days: ["dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"],
  shortDays: ["dim.", "lun.", "mar.", "mer.", "jeu.", "ven.", "sam."],
  months: ["janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"],
  shortMonths: ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."],
  decimal: ",", thousands: "\u202f",
};

const ENGLISH = {
  ...SHARED,
  days: ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"],
  shortDays: ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"],
  months: ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"],
  shortMonths: ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
  decimal: ".", thousands: ",",
};

export function registerLocales(plotly) {
  plotly.register([
    { moduleType: "locale", name: "fr", dictionary: {}, format: FRENCH },
    { moduleType: "locale", name: "en", dictionary: {}, format: ENGLISH },
  ]);
}
