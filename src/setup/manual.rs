//! What to click where nobody has an administrator's key to give, with the exact templates to paste.
//!
//! Invariant: it is the same connection that `plan` makes, from the same source.

use super::{READABLE, Wanted};
use crate::domain::webhook;

/// The steps, as text for a terminal. `secret` is what the service has, if anything; else how to make one is told.
#[must_use]
pub fn instructions(wanted: &Wanted, site: &str, secret: Option<&str>) -> String {
    let Wanted { role, user, receiver, .. } = wanted;
    let site = site.trim_end_matches('/');
    let mut text = format!(
        "Without an administrator's key (ERPNEXT_ADMIN_KEY) setup changes nothing. This is what somebody with the role\n\
         System Manager does in ERPNext:\n\n\
         1. Role: open {site}/app/role/new and add the role \"{role}\" with Desk Access off.\n\
         2. Permissions: open {site}/app/permission-manager, and for each of {doctypes}\n   \
         choose Add A New Rule with the role \"{role}\", level 0. Leave only Read (and Export) ticked.\n\
         3. User: open {site}/app/user/new and add {user}, first name \"{first_name}\", Send Welcome Email off,\n   \
         with the role \"{role}\" and no other.\n\
         4. Key: in that user's Settings tab choose API Access, Generate Keys. Put both parts into the service's\n   \
         ERPNEXT_API_KEY and ERPNEXT_API_SECRET.\n\
         5. Secret: {secret}\n\
         6. Webhooks: open {site}/app/webhook/new once for each of the following. The same in all of them: Request URL\n   \
         {receiver}, Request Method POST, Request Structure JSON, Enable Security\n   \
         ticked with the secret, no Conditions.\n",
        doctypes = READABLE.join(", "),
        first_name = Wanted::FIRST_NAME,
        secret = match secret {
            Some(secret) => format!("the Webhook Secret is {secret} (also in the service's ERPNEXT_WEBHOOK_SECRET)."),
            None => "make one up that nobody can guess (openssl rand -hex 16 does), and put it into the service's\n   \
                     ERPNEXT_WEBHOOK_SECRET; it is the Webhook Secret below."
                .to_owned(),
        },
    );
    for webhook in webhook::wanted(&wanted.instance, receiver) {
        text.push_str(&format!(
            "\n   Name \"{}\", DocType {}, Doc Event {}, JSON Request Body:\n\n",
            webhook.name, webhook.doctype, webhook.event
        ));
        for line in webhook.template.lines() {
            text.push_str(&format!("{line}\n"));
        }
    }
    text.push_str(&format!("\n7. Then save a customer in ERPNext and look into {site}/app/webhook-request-log: an empty\n   Error means that it arrived.\n"));
    text
}
