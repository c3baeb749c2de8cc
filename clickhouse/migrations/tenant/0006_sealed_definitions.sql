-- What a tenant's policy took out of a definition, sealed under the keys of whom it may name; '' where nothing was.
ALTER TABLE activities ADD COLUMN IF NOT EXISTS sealed String AFTER definition;
