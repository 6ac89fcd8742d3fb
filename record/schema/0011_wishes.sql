-- When a customer said that they would like to come: the message that answers offers times of it.
ALTER TABLE outreach ADD COLUMN wished tstzmultirange;
