// Starts Swagger UI on the description of this program. It asks no other host,
// and keeps no token: a reload forgets it.
"use strict";

const ui = SwaggerUIBundle({
  dom_id: "#api",
  url: "/openapi.json",
  deepLinking: true,
  filter: true,
  tryItOutEnabled: true,
  persistAuthorization: false,
  validatorUrl: null,
  defaultModelsExpandDepth: 0,
  responseInterceptor: useToken,
});

// useToken lets whoever signs in here go on with the token that was answered.
function useToken(response) {
  const token = response.ok && response.body && response.body.data && response.body.data.accessToken;
  if (token) {
    ui.preauthorizeApiKey("bearer", token);
  }
  return response;
}
