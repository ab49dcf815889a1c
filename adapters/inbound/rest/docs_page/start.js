// Starts Swagger UI on the document of this backend, and lets its reader sign in: the document then tells what that account may know,
// and "Try it out" asks as it. The token stands in a variable of this page and nowhere else, so it goes when the page does.
"use strict";

const DOCUMENT = "/api/v1/openapi.json";
let token = null;

const signIn = document.getElementById("sign-in");
const signOut = document.getElementById("sign-out");
const said = document.getElementById("said");

// To this server alone, whatever address a document may name.
function withToken(request) {
  const isOurs = new URL(request.url, location.href).origin === location.origin;
  if (token && isOurs && !request.headers.Authorization) request.headers.Authorization = `Bearer ${token}`;
  return request;
}

function noticed(response) {
  if (response.status === 401 && token) {
    become(null, "");
    said.textContent = "You are signed out: the token is no longer good. Sign in again.";
  }
  return response;
}

const ui = SwaggerUIBundle({
  url: DOCUMENT,
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null, // its own badge would call a foreign server
  requestInterceptor: withToken,
  responseInterceptor: noticed,
});

function become(newToken, name) {
  token = newToken;
  signIn.hidden = token !== null;
  signOut.hidden = token === null;
  signOut.querySelector("span").textContent = name;
  ui.specActions.download(DOCUMENT);
}

async function answerOf(address, options) {
  const answer = await fetch(address, options);
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.detail);
  return told;
}

async function listAccounts() {
  const told = await answerOf(DOCUMENT);
  const place = told.paths["/api/v1/auth/{c}/sign-in"].parameters.find((each) => each.name === "c");
  for (const name of place.schema.enum) signIn.elements.collection.add(new Option(name, name));
}

signIn.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { collection, identity, password } = signIn.elements;
  const button = signIn.querySelector("button");
  button.disabled = true;
  said.textContent = "";
  try {
    const signed = await answerOf(`/api/v1/auth/${encodeURIComponent(collection.value)}/sign-in`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ identity: identity.value, password: password.value }),
    });
    become(signed.access_token, `Signed in as ${identity.value} of ${collection.value}`);
  } catch (error) {
    said.textContent = `Not signed in: ${error.message}.`;
  } finally {
    password.value = "";
    button.disabled = false;
  }
});

signOut.addEventListener("submit", (event) => {
  event.preventDefault();
  become(null, "");
});

listAccounts().catch((error) => {
  said.textContent = `The document could not be read: ${error.message}.`;
});
