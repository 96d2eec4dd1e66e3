package stripe

// shapes are, for each kind of object and for what is inside it, the fields that
// the sandbox has nothing to say about, as API version 2023-10-16 answers them.
var shapes = map[string]string{
	"account": `{"business_type": null, "charges_enabled": true, "company": null, "controller": {"type": "account"},
		"external_accounts": {"object": "list", "data": [], "has_more": false, "total_count": 0, "url": "/v1/accounts/external_accounts"},
		"future_requirements": {"alternatives": [], "current_deadline": null, "currently_due": [], "disabled_reason": null, "errors": [], "eventually_due": [], "past_due": [], "pending_verification": []},
		"requirements": {"alternatives": [], "current_deadline": null, "currently_due": [], "disabled_reason": null, "errors": [], "eventually_due": [], "past_due": [], "pending_verification": []},
		"settings": {"bacs_debit_payments": {}, "branding": {"icon": null, "logo": null, "primary_color": null, "secondary_color": null},
			"card_issuing": {"tos_acceptance": {"date": null, "ip": null}}, "card_payments": {"decline_on": {"avs_failure": false, "cvc_failure": false}, "statement_descriptor_prefix": null, "statement_descriptor_prefix_kana": null, "statement_descriptor_prefix_kanji": null},
			"payments": {"statement_descriptor": null, "statement_descriptor_kana": null, "statement_descriptor_kanji": null}, "payouts": {"debit_negative_balances": true, "schedule": {"delay_days": 2, "interval": "daily"}, "statement_descriptor": null}, "sepa_debit_payments": {}},
		"tos_acceptance": {"date": null, "ip": null, "user_agent": null}, "type": "standard"}`,

	"account.business_profile": `{"mcc": null, "product_description": null, "support_address": null, "support_email": null, "support_phone": null, "support_url": null}`,

	"product": `{"attributes": [], "features": [], "livemode": false, "package_dimensions": null, "shippable": null, "type": "service"}`,

	"price": `{"billing_scheme": "per_unit", "custom_unit_amount": null, "tiers_mode": null, "transform_quantity": null}`,

	"customer": `{"default_source": null, "shipping": null}`,

	"customer.invoice_settings": `{"custom_fields": null, "rendering_options": null}`,

	"payment_method.card": `{"generated_from": null, "networks": {"available": ["visa"], "preferred": null}, "three_d_secure_usage": {"supported": true}, "wallet": null}`,

	"promotion_code": `{"restrictions": {"first_time_transaction": false, "minimum_amount": null, "minimum_amount_currency": null}}`,

	"subscription": `{"application": null, "application_fee_percent": null, "automatic_tax": {"enabled": false, "liability": null}, "billing_cycle_anchor_config": null,
		"billing_thresholds": null, "default_source": null, "default_tax_rates": [], "invoice_settings": {"issuer": {"type": "self"}},
		"next_pending_invoice_item_invoice": null, "on_behalf_of": null,
		"payment_settings": {"payment_method_options": null, "payment_method_types": null, "save_default_payment_method": "off"},
		"pending_invoice_item_interval": null, "pending_setup_intent": null, "transfer_data": null}`,

	"subscription_item": `{"billing_thresholds": null}`,

	"subscription_schedule": `{"application": null, "default_settings": {"application_fee_percent": null, "automatic_tax": {"enabled": false, "liability": null},
			"billing_cycle_anchor": "automatic", "billing_thresholds": null, "collection_method": "charge_automatically", "default_payment_method": null,
			"default_source": null, "description": null, "invoice_settings": {"issuer": {"type": "self"}}, "on_behalf_of": null, "transfer_data": null}}`,

	"subscription_schedule.phases": `{"add_invoice_items": [], "application_fee_percent": null, "automatic_tax": {"enabled": false, "liability": null}, "billing_cycle_anchor": null,
		"billing_thresholds": null, "collection_method": null, "coupon": null, "default_payment_method": null, "default_tax_rates": [], "description": null,
		"invoice_settings": null, "on_behalf_of": null, "transfer_data": null}`,

	"subscription_schedule.phases.items": `{"billing_thresholds": null}`,

	"invoice": `{"account_tax_ids": null, "amount_shipping": 0, "application": null, "application_fee_amount": null, "automatic_tax": {"enabled": false, "liability": null, "status": null},
		"custom_fields": null, "customer_address": null, "customer_phone": null, "customer_shipping": null, "customer_tax_exempt": "none", "customer_tax_ids": [],
		"default_source": null, "default_tax_rates": [], "discounts": [], "footer": null, "from_invoice": null, "issuer": {"type": "self"}, "last_finalization_error": null,
		"latest_revision": null, "on_behalf_of": null, "paid_out_of_band": false, "payment_settings": {"default_mandate": null, "payment_method_options": null, "payment_method_types": null},
		"post_payment_credit_notes_amount": 0, "pre_payment_credit_notes_amount": 0, "quote": null, "receipt_number": null, "rendering": null, "rendering_options": null,
		"shipping_cost": null, "shipping_details": null, "statement_descriptor": null, "subtotal_excluding_tax": null, "tax": null, "total_excluding_tax": null,
		"total_tax_amounts": [], "transfer_data": null, "webhooks_delivered_at": null}`,

	"line_item": `{"amount_excluding_tax": null, "discounts": [], "invoice_item": null, "proration_details": {"credited_items": null}, "tax_amounts": [], "tax_rates": []}`,

	"invoiceitem": `{"discounts": [], "tax_rates": []}`,

	"payment_intent": `{"amount_capturable": 0, "amount_details": {"tip": {}}, "application": null, "application_fee_amount": null, "automatic_payment_methods": null,
		"cancellation_reason": null, "capture_method": "automatic", "confirmation_method": "automatic", "on_behalf_of": null, "payment_method_configuration_details": null,
		"payment_method_options": {}, "processing": null, "receipt_email": null, "review": null, "shipping": null, "source": null, "statement_descriptor": null,
		"statement_descriptor_suffix": null, "transfer_data": null, "transfer_group": null}`,

	"charge": `{"application": null, "application_fee": null, "application_fee_amount": null, "balance_transaction": null, "calculated_statement_descriptor": null,
		"destination": null, "dispute": null, "disputed": false, "failure_balance_transaction": null, "fraud_details": {}, "on_behalf_of": null, "order": null,
		"receipt_number": null, "receipt_url": null, "review": null, "shipping": null, "source": null, "source_transfer": null, "statement_descriptor": null,
		"statement_descriptor_suffix": null, "transfer_data": null, "transfer_group": null}`,

	"charge.payment_method_details.card": `{"amount_authorized": null, "installments": null, "mandate": null, "network": "visa", "network_token": {"used": false},
		"three_d_secure": null, "wallet": null}`,

	"refund": `{"balance_transaction": null, "destination_details": {"type": "card"}, "receipt_number": null, "source_transfer_reversal": null, "transfer_reversal": null}`,

	"checkout.session": `{"after_expiration": null, "automatic_tax": {"enabled": false, "liability": null, "status": null}, "client_secret": null, "consent": null,
		"consent_collection": null, "currency_conversion": null, "custom_fields": [], "custom_text": {"after_submit": null, "shipping_address": null, "submit": null, "terms_of_service_acceptance": null},
		"invoice_creation": null, "payment_link": null, "payment_method_configuration_details": null, "payment_method_options": {}, "phone_number_collection": {"enabled": false},
		"recovered_from": null, "setup_intent": null, "shipping_address_collection": null, "shipping_cost": null, "shipping_details": null, "shipping_options": [],
		"submit_type": null, "ui_mode": "hosted"}`,

	"billing_portal.configuration": `{"application": null}`,

	"billing_portal.session": `{"on_behalf_of": null}`,

	"event": `{"api_version": "2023-10-16"}`,
}
