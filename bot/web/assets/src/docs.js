// The page at /docs: Swagger UI over the bot's own OpenAPI document. Without this script the page is a plain list.
import SwaggerUI from "swagger-ui-dist/swagger-ui-es-bundle.js";
import "swagger-ui-dist/swagger-ui.css";

SwaggerUI({
  dom_id: "#api",
  url: document.getElementById("api").dataset.url,
  validatorUrl: null, // it would send the document's address to its maker's host
  deepLinking: true,
  defaultModelsExpandDepth: -1,
});
