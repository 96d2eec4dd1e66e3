package errs

// Explanation is what the page of a code says beyond its help.
type Explanation struct {
	Why     []string // what it comes of, the most frequent first
	Mend    []string // what to do, in order
	Message string   // such as may come with it

	Details map[string]any // further fields that come with it, such as they may be
}

// Explanation explains the code to somebody who has just met it.
func (c Code) Explanation() Explanation { return explanations[c] }

var explanations = map[Code]Explanation{
	InvalidJSON: {
		[]string{"A quote, a comma or a bracket is missing, or there is one too many.", "The body is empty where one is needed, or did not arrive whole.", "A text was put into the JSON without escaping it."},
		[]string{"Make the body with your language's JSON encoder and not by hand.", "The message says at which byte it stops being JSON."},
		"The body is not JSON: unexpected end of JSON input (at byte 27).", nil},
	InvalidRequest: {
		[]string{"A field is misspelt: unknown ones are refused, so that a typo is never passed over.", "A value is of another type: a number in quotes, or 1.0 where a whole number is wanted.", "A parameter or header of the request has a value that is not allowed."},
		[]string{"Go through errors: each has the param at fault and says what it may be.", "The reference has every field with its type."},
		"quantity is a whole number, written without a point or an exponent.", nil},
	UnknownPlan: {
		[]string{"The name is that of no tier: names are case-sensitive, and the display name is another one.", "The tier was archived.", "The tier is on your live platform and the key is of your test platform, or the other way round."},
		[]string{"List the tiers with the same key: GET /api/tiers.", "Copy the tiers to the other platform, on its page Tiers in the dashboard."},
		`There is no plan "Pro" here. The plans are: free, pro.`, nil},
	UnknownMeter: {
		[]string{"The meter is misspelt.", "No tier names it yet."},
		[]string{"Add the meter to each tier that grants some of it. A tier that does not name it grants nothing."},
		`There is no meter "token" here. The meters, which the tiers name, are: requests, tokens.`, nil},
	PasswordRefused: {
		[]string{"The password has appeared in a data breach.", "It is too short or too long."},
		[]string{"Show the message to the user and let them choose another.", "Or create the customer without a password: they sign in on our pages by mail."},
		"The password has been found in a data breach. Choose another one.", nil},
	Unauthenticated: {
		[]string{"The header Authorization is missing.", "It has another form than Bearer and the key.", "An environment variable with the key is empty where your program runs."},
		[]string{"Send Authorization: Bearer sk_… from your backend.", "Print the length of the variable, and not the key, where your program runs."},
		"Send the header Authorization: Bearer <secret key>, or where it is allowed a user's token.", nil},
	InvalidCredentials: {
		[]string{"The key was revoked, or its overlap after a rotation is over.", "It was cut off or mistyped.", "It is of another kind than the surface takes: developer tokens are for the dashboard's host, secret keys for the API's.", "A user's token is older than ten minutes, or the user is no customer of the platform."},
		[]string{"Look at the page Keys of the dashboard: the hint there is how the key ends.", "Have a user's session refreshed, or have them sign in again."},
		"This is not a key: it is mistyped or cut off.", nil},
	InvalidSignature: {
		[]string{"The endpoint's signing secret is not the one that is configured here.", "Something between Stripe or Clerk and us changed the body.", "A clock is off by more than five minutes."},
		[]string{"Copy the secret of this very endpoint again.", "While you exchange a secret, keep the old one as the previous one."},
		"The event is not signed with the secret of this endpoint, or is more than five minutes old.", nil},
	TierLimitReached: {
		[]string{"The user has used up what the tier grants in this period.", "The quantity is larger than what is left.", "The tier does not name the meter, and so grants nothing of it."},
		[]string{"Show the user what is left, and send them to POST /api/create-checkout.", "Or give them units: POST /api/grants."},
		"Please upgrade to unlock more requests",
		map[string]any{"usage": map[string]any{
			"count": 20, "limit": 20, "remaining": 0, "plan": "free", "meter": "requests", "period": "month",
			"periodStart": "2026-03-01T00:00:00Z", "periodEnd": "2026-04-01T00:00:00Z",
		}}},
	Forbidden: {
		[]string{"A publishable key, or a user's token, was sent where only your backend may call.", "X-User-Id says another user than the token."},
		[]string{"Call from your backend, with the secret key.", "Leave X-User-Id away with a user's token."},
		"This is for your backend: use the secret key and not a user's token.", nil},
	OriginNotAllowed: {
		[]string{"The page is at an origin that the platform does not list: the scheme, the host and the port all count.", "The page runs on your own machine, on a live platform."},
		[]string{"Add the origin in the platform's settings, such as https://app.example.com, without a path.", "Call from your backend: it sends no origin."},
		"The origin https://app.example.com is not among the allowed origins. Add it to the platform's settings.", nil},
	NotFound: {
		[]string{"The id is that of another platform: test and live are two, with customers of their own.", "The customer was deleted, or never created.", "The address is misspelt, or that of another surface."},
		[]string{"Ask with the key of the platform on which it was created.", "For users whom you keep yourself, send X-User-Plan, or create them first."},
		"There is no such customer.", nil},
	MethodNotAllowed: {
		[]string{"GET was sent where it takes POST, or the other way round. A redirect from http to https makes a GET of a POST."},
		[]string{"See the header Allow.", "Call https directly."},
		"The address exists and does not take this method; the Allow header lists those it takes.", nil},
	Conflict: {
		[]string{"What you want to make is there already, or something that it needs is not.", "Two changes met, and the other came first."},
		[]string{"The message says what stands against it. Read how it is now, and decide again."},
		"The platform has a tier named pro already.", nil},
	CustomerExists: {
		[]string{"The customer was created before, with this id or this address."},
		[]string{"Use customerId, which the answer names: it is that customer.", "Send an Idempotency-Key when you create: a repetition then gets the first answer."},
		"This platform has the customer already, as user-42.", map[string]any{"customerId": "user-42"}},
	SubscriptionLives: {
		[]string{"The customer pays for the plan: what they pay for decides it.", "Customers subscribe on the Stripe account that is to be disconnected or exchanged."},
		[]string{"Have the customer change it: POST /api/create-checkout for another tier, or POST /api/customer-portal.", "Or cancel the subscription first."},
		"A subscription decides the customer's plan, pro. Change or cancel it instead.", nil},
	PlatformSuspended: {
		[]string{"The developer's plan with dream-api ended more than seven days ago."},
		[]string{"Pay for the plan on the page Plan of the dashboard. Keys work again at once."},
		"The live platform is suspended, because its developer's plan has ended. Its data is kept, and it works again as soon as the plan is paid.", nil},
	NoAccount: {
		[]string{"The user signed in with an address that never signed up with this product."},
		[]string{"Lead them to the sign-up, or invite them: POST /api/invitations."},
		"ada@example.com has no account here yet.", nil},
	SignUpClosed: {
		[]string{"The sign-in settings say closed, or invitation, and the user had none."},
		[]string{"Invite them: POST /api/invitations.", "Or open the sign-up in the sign-in settings."},
		"Nobody can sign up here at the moment.", nil},
	InvitationRefused: {
		[]string{"The link was opened by somebody who signs in with another address.", "It was used already, taken back, or is too old."},
		[]string{"Create another one for the address that they use: POST /api/invitations."},
		"The invitation was used already. Ask for another one.", nil},
	EmailNotAllowed: {
		[]string{"The address is at none of the domains that the sign-in settings name."},
		[]string{"Have them use an address of theirs at such a domain, or add the domain.", "An invitation lets in one address whatever its domain."},
		"This address can not sign up here.", nil},
	EmailNotVerified: {
		[]string{"The user has not opened the mail with the code or the link."},
		[]string{"Have them open it and sign up again. It may lie in the spam."},
		"The address is not verified yet.", nil},
	RedirectRefused: {
		[]string{"The origin of redirectUrl is not in the platform's settings: scheme, host and port all count.", "It is http, which a live platform takes from nobody."},
		[]string{"Add the origin in the platform's settings, without a path.", "On a test platform this machine (localhost) is allowed anyway."},
		"redirectUrl is at https://app.example.com, which is not among the platform's allowed origins.", nil},
	PlanRequired: {
		[]string{"Live keys are for developers who pay."},
		[]string{"Subscribe on the page Plan of the dashboard, or open the address that POST /api/plan/checkout answers.", "Go on with a test platform meanwhile: it needs no plan."},
		"Live keys are for developers who pay. Subscribe first; test keys need no plan.", nil},
	NotConnected: {
		[]string{"No Stripe account is connected to the live platform.", "Stripe still wants to know something before the account may take payments.", "dream-api was removed from the account, at Stripe."},
		[]string{"Connect it on the page Stripe of the dashboard, which also says what Stripe still wants.", "A test platform needs none."},
		"This live platform has no connected Stripe account, so nobody can pay. Connect one in the dashboard.", nil},
	CallsUsedUp: {
		[]string{"A developer who does not pay makes 5 changes a month by the JSON API, one who does 500.", "A script makes the same change again and again."},
		[]string{"Use the dashboard, whose changes do not count, or pay for the plan.", "Reads never count; ask before you change."},
		"The 5 changes of this month are used up.", map[string]any{"calls": map[string]any{"count": 5, "limit": 5}}},
	TooLarge: {
		[]string{"The body is larger than 1 MB: a batch is too long, or a file was sent."},
		[]string{"Send batches of up to 1,000 items, one after the other."},
		"The body is larger than 1048576 bytes.", nil},
	MisdirectedRequest: {
		[]string{"The host is misspelt.", "A custom domain leads here and was not added to the platform, or was removed."},
		[]string{"Compare the address with that of the dashboard's page API.", "Add the domain on the page Settings."},
		`This server does not serve the host "api.sketchy.example.com".`, nil},
	IdempotencyMismatch: {
		[]string{"A key was used again for another request: a constant, or one that is made once when the program starts.", "The same request was encoded another way: bodies are compared byte by byte."},
		[]string{"Make a new key for each thing that is to be done, and keep body and key together for the repetitions."},
		"This Idempotency-Key was used before with another body. Use a new key for a new request.", nil},
	IdempotencyBusy: {
		[]string{"The first request with the key is not answered yet, and the second came in."},
		[]string{"Wait for Retry-After and send it again: it gets the first one's answer."},
		"A request with this Idempotency-Key is under way. Send it again in a moment.", nil},
	RateLimited: {
		[]string{"The user made more calls in this minute than the tier lets through: 100, unless it says otherwise.", "All users together made more than the platform's own limit.", "A loop calls without waiting."},
		[]string{"Wait for Retry-After, and try again. The header RateLimit says what is left before it comes to that.", "Raise the tier's rateLimit, or send batches: each item counts, but the request is one."},
		"More than 100 calls in this minute by this user. Try again in 12 seconds.", nil},
	TestCallsUsedUp: {
		[]string{"A test platform takes 10,000 tracked calls a month. A load test uses them up quickly."},
		[]string{"Use the live platform, or run dream-api yourself: make run has no such limit."},
		"The 10000 test calls of this month are used up.", nil},
	Internal: {
		[]string{"A mistake of ours."},
		[]string{"Tell us the requestId.", "Of a tracked call it is not known whether it was counted: repeat it with the same Idempotency-Key."},
		"Something is broken on our side. It is in our log under the requestId.", nil},
	UpstreamFailed: {
		[]string{"Stripe or Clerk refused a request of ours, which is our mistake, or a setting at theirs has changed."},
		[]string{"Tell us the requestId. Trying again rarely helps."},
		"Stripe refused a request of ours. It is in our log under the requestId.", nil},
	Unavailable: {
		[]string{"The database is being restarted or is overloaded.", "Stripe or Clerk does not answer."},
		[]string{"Wait for Retry-After, and send the request again with the same Idempotency-Key.", "Of a tracked call nothing was counted."},
		"The database does not answer. Try again in a moment.", nil},
}
