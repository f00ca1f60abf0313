-- not breaking: an index

-- The page of signers says who enrolled and who removed each, which the audit log knows.
create index audit_of_signers on audit (organisation_id, target) where action in ('signer.enroll', 'signer.remove');
