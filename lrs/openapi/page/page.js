"use strict";

// Shows the description beside this page, and sends what is tried out to the very host that the page came from.
async function show() {
  const answer = await fetch("openapi.json");
  if (!answer.ok) throw new Error(`openapi.json: ${answer.status}`);
  const description = await answer.json();
  // This Swagger UI shows OpenAPI 3.0 and refuses any other label; the description is in what 3.0 and 3.1 share.
  description.openapi = "3.0.3";
  description.servers = [{ url: new URL(".", document.baseURI).href.replace(/\/$/, "") }];
  // A HEAD is a GET without what it answers: the introduction says so once.
  for (const item of Object.values(description.paths)) delete item.head;
  // It cannot leave out a parameter that is JSON: here it is the text that will be sent.
  for (const parameter of Object.values(description.components.parameters)) {
    if (!parameter.content) continue;
    const { example } = parameter.content["application/json"];
    delete parameter.content;
    parameter.schema = { type: "string" };
    if (example) parameter.example = JSON.stringify(example);
  }
  // Every operation has a dozen refusals: their words do, and a form only where there is more than code and message.
  for (const refusal of Object.values(description.components.responses)) {
    delete refusal.headers;
    const properties = refusal.content["application/json"]?.schema.properties ?? {};
    if (Object.keys(properties).length <= 2) delete refusal.content;
  }
  SwaggerUIBundle({
    spec: description,
    dom_id: "#description",
    deepLinking: true,
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    validatorUrl: null,
    presets: [SwaggerUIBundle.presets.apis],
  });
}

show().catch((error) => {
  const place = document.getElementById("description");
  place.className = "failed";
  place.textContent = `The description cannot be shown: ${error.message}. Load this page again.`;
});
