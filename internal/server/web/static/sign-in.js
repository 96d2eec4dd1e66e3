// Has Clerk's own form sign the developer in, and then gives the session's token to us once, in a form: from there on our
// own cookie counts.
addEventListener('load', async () => {
  try {
    const clerk = window.Clerk;
    await clerk.load({ ui: { ClerkUI: window.__internal_ClerkUICtor } });
    let sent = false;
    const enter = async () => {
      if (sent || !clerk.session) return;
      sent = true;
      const form = document.getElementById('session');
      form.elements.token.value = await clerk.session.getToken();
      form.submit();
    };
    clerk.addListener(enter);
    await enter();
    if (!sent) clerk.mountSignIn(document.getElementById('clerk'), { withSignUp: true });
  } catch (problem) {
    document.getElementById('clerk-problem').hidden = false;
    throw problem;
  }
});
