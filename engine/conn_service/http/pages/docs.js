// Fetch the account's document with the token of the form, and show it. Nothing is stored.
"use strict";

const form = document.getElementById("open");
const problem = document.getElementById("problem");

async function show(token, account) {
  const headers = { Authorization: `Bearer ${token}` };
  if (account) {
    headers["Conn-Account"] = account;
  }
  const response = await fetch("openapi.json", { headers, cache: "no-store", credentials: "omit" });
  const data = await response.json();
  if (!response.ok) {
    problem.textContent = [data.detail, data.fix].filter(Boolean).join(": ");
    return;
  }
  data.servers = [{ url: new URL(".", document.baseURI).href.replace(/\/$/, "") }];
  const shown = SwaggerUIBundle({
    spec: data,
    dom_id: "#operations",
    deepLinking: false,
    docExpansion: "list",
    persistAuthorization: false,
    validatorUrl: null,
    requestInterceptor: (request) => {
      if (account && !request.headers["Conn-Account"]) {
        request.headers["Conn-Account"] = account;
      }
      return request;
    },
    onComplete: () => shown.preauthorizeApiKey("token", token),
  });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  problem.textContent = "";
  document.getElementById("operations").replaceChildren();
  const token = document.getElementById("token").value.trim();
  const account = document.getElementById("account").value.trim();
  show(token, account).catch((error) => {
    problem.textContent = `The service does not answer: ${error.message}`;
  });
});
