// Has Clerk's own form ask for the password, and gives the session's token to us once, in a form: no address ever holds it.
// Whoever is signed in already is asked before they go on.
addEventListener('load', async () => {
  const place = document.getElementById('clerk');
  try {
    const clerk = window.Clerk;
    await clerk.load({ ui: { ClerkUI: window.__internal_ClerkUICtor } });
    const brand = getComputedStyle(document.documentElement).getPropertyValue('--brand').trim();
    const look = { appearance: { variables: { colorPrimary: brand } } };
    if (place.dataset.page === 'profile') {
      if (!clerk.user) throw new Error('there is no session at Clerk');
      clerk.mountUserProfile(place, look);
      return;
    }

    let sent = false;
    const enter = async () => {
      if (sent || !clerk.session) return;
      sent = true;
      const form = document.getElementById('session');
      form.elements.token.value = await clerk.session.getToken();
      form.submit();
    };
    // Clerk may load this very page again once it has signed somebody in: then they have just said that they want to go on.
    const entering = 'dreamapi-entering';
    const [asked, since] = (sessionStorage.getItem(entering) || '').split(' ');
    sessionStorage.removeItem(entering);
    const justNow = asked === location.href && Date.now() - since < 10 * 60 * 1000;
    if (clerk.session && !justNow) {
      document.getElementById('who').textContent = clerk.user.primaryEmailAddress.emailAddress;
      document.getElementById('known').hidden = false;
      document.getElementById('continue').addEventListener('click', enter);
      document.getElementById('other').addEventListener('click', async () => {
        await clerk.signOut();
        location.reload();
      });
      return;
    }
    if (clerk.session) {
      await enter();
      return;
    }
    sessionStorage.setItem(entering, `${location.href} ${Date.now()}`);
    clerk.addListener(() => {
      if (!clerk.session) return;
      sessionStorage.removeItem(entering);
      enter();
    });
    const here = location.href;
    const { signIn, signUp } = place.dataset;
    if (place.dataset.page === 'sign-up') {
      clerk.mountSignUp(place, { ...look, routing: 'hash', signInUrl: signIn, forceRedirectUrl: here, signInForceRedirectUrl: signIn });
    } else {
      clerk.mountSignIn(place, { ...look, routing: 'hash', signUpUrl: signUp, forceRedirectUrl: here, signUpForceRedirectUrl: signUp });
    }
  } catch (problem) {
    document.getElementById('clerk-problem').hidden = false;
    throw problem;
  }
});
