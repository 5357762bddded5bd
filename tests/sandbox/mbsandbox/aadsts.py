"""The errors of Entra, as entra-tokens.md section 3 lists them."""

# AADSTS number -> (HTTP status, error, description).
ERRORS = {
    50013: (401, "invalid_client", "Assertion failed replay check: the "
            "assertion with this jti was presented before."),
    50027: (401, "invalid_client", "JWT token is invalid or malformed."),
    53003: (400, "invalid_grant", "Access has been blocked by Conditional "
            "Access policies. The access policy does not allow token "
            "issuance."),
    65001: (400, "invalid_grant", "The user or administrator has not "
            "consented to use the application with ID '{app}'. Send an "
            "interactive authorization request for this user and resource."),
    70003: (400, "unsupported_grant_type", "The app requested an unsupported "
            "grant type '{grant}'."),
    70008: (400, "invalid_grant", "The provided authorization code or "
            "refresh token has expired due to inactivity. Send a new "
            "interactive authorization request for this user and resource."),
    70011: (400, "invalid_scope", "The provided request must include a "
            "'scope' input parameter. The provided value for the input "
            "parameter 'scope' is not valid. The scope {scope} is not "
            "valid."),
    70016: (400, "authorization_pending", "OAuth 2.0 device flow error. "
            "Authorization is pending. Continue polling."),
    70018: (400, "bad_verification_code", "Invalid verification code due to "
            "User typing in wrong user code for device code flow."),
    70020: (400, "expired_token", "The provided value for the input "
            "parameter 'device_code' is not valid. This device code has "
            "expired."),
    90002: (400, "invalid_request", "Tenant '{tenant}' not found. Check to "
            "make sure you have the correct tenant ID and are signing into "
            "the correct cloud. Check with your subscription administrator, "
            "this may happen if there are no active subscriptions for the "
            "tenant."),
    90033: (503, "temporarily_unavailable", "A transient error has occurred. "
            "Please try again."),
    90055: (429, "temporarily_unavailable", "Tenant throttled: too many "
            "requests were sent."),
    50196: (400, "invalid_grant", "The server terminated an operation "
            "because it encountered a client request loop. Please contact "
            "your app vendor."),
    500011: (400, "invalid_resource", "The resource principal named {scope} "
             "was not found in the tenant named {name}. This can happen if "
             "the application has not been installed by the administrator of "
             "the tenant or consented to by any user in the tenant. You "
             "might have sent your authentication request to the wrong "
             "tenant."),
    700016: (400, "unauthorized_client", "Application with identifier "
             "'{app}' was not found in the directory '{name}'. This can "
             "happen if the application has not been installed by the "
             "administrator of the tenant or consented to by any user in the "
             "tenant. You may have sent your authentication request to the "
             "wrong tenant."),
    700021: (401, "invalid_client", "Client assertion application identifier "
             "doesn't match 'client_id' parameter."),
    700023: (401, "invalid_client", "Client assertion audience claim does "
             "not match Realm issuer."),
    700024: (401, "invalid_client", "Client assertion is not within its "
             "valid time range. Current time: {now}, assertion valid from "
             "{begins}, expiry time of assertion {ends}."),
    700027: (401, "invalid_client", "The certificate with identifier used to "
             "sign the client assertion is not registered on application. "
             "[Reason - {reason}, Thumbprint of key used by client: "
             "'{thumbprint}', Please visit the Azure Portal, Graph Explorer "
             "or directly use MS Graph to see configured keys for app Id "
             "'{app}'.]"),
    700082: (400, "invalid_grant", "The refresh token has expired due to "
             "inactivity. The token was inactive for 90.00:00:00."),
    900144: (400, "invalid_request", "The request body must contain the "
             "following parameter: '{parameter}'."),
    900561: (400, "invalid_request", "The endpoint only accepts POST "
             "requests. Received a {method} request."),
    1002012: (400, "invalid_scope", "The provided value for scope {scope} is "
              "not valid. Client credential flows must have a scope value "
              "with /.default suffixed to the resource identifier "
              "(application ID URI)."),
    5002730: (400, "invalid_request", "Invalid JWT token. Unsupported key "
              "for the signing algorithm."),
    7000112: (400, "unauthorized_client", "Application '{app}'(mailbearer "
              "sandbox) is disabled."),
    7000215: (401, "invalid_client", "Invalid client secret provided. Ensure "
              "the secret being sent in the request is the client secret "
              "value, not the client secret ID, for a secret added to app "
              "'{app}'."),
    7000218: (401, "invalid_client", "The request body must contain the "
              "following parameter: 'client_assertion' or 'client_secret'."),
    7000222: (401, "invalid_client", "The provided client secret keys for "
              "app '{app}' are expired. Visit the Azure portal to create new "
              "keys for your app: https://aka.ms/NewClientSecret, or "
              "consider using certificate credentials for added security: "
              "https://aka.ms/certCreds."),
    9000411: (400, "invalid_request", "The request is not properly "
              "formatted. The parameter '{parameter}' is duplicated."),
    9001023: (400, "invalid_request", "The grant type is not supported over "
              "the /common or /consumers endpoints. Please use the "
              "/organizations or tenant-specific endpoint."),
}
