// Asks the device for a passkey, or for a new one, and sends its answer with the form. It fetches nothing.
"use strict";
(() => {
  const form = document.getElementById("passkey");
  const ask = document.getElementById("ask");
  const show = (id, shown) => { document.getElementById(id).hidden = !shown; };
  const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const keys = (list) => list?.map((key) => ({ ...key, id: bytes(key.id) }));

  // Options and answers go as JSON with base64url in it (Web Authentication Level 3, 5.1); not every browser turns
  // them by itself.
  const options = JSON.parse(form.dataset.options);
  options.challenge = bytes(options.challenge);
  if (options.user) options.user.id = bytes(options.user.id);
  if (options.excludeCredentials) options.excludeCredentials = keys(options.excludeCredentials);
  if (options.allowCredentials) options.allowCredentials = keys(options.allowCredentials);

  const answer = (made) => {
    const from = made.response, response = { clientDataJSON: text(from.clientDataJSON) };
    for (const part of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (from[part]) response[part] = text(from[part]);
    }
    if (from.getTransports) response.transports = from.getTransports();
    return {
      id: made.id, rawId: text(made.rawId), type: made.type, response, clientExtensionResults: made.getClientExtensionResults(),
      authenticatorAttachment: made.authenticatorAttachment ?? undefined,
    };
  };

  const begin = async () => {
    ask.hidden = true;
    show("refused", false);
    try {
      const made = await navigator.credentials[form.dataset.kind]({ publicKey: options });
      form.elements.answer.value = JSON.stringify(answer(made));
      form.submit();
    } catch {
      show("refused", true);
      ask.hidden = false;
      ask.focus();
    }
  };

  if (!window.PublicKeyCredential) {
    show("unknown", true);
    return;
  }
  ask.addEventListener("click", begin);
  begin();
})();
