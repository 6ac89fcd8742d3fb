-- Run once, as superuser, when the database is made: the application's own role, no superuser.
\getenv password DATABASE_PASSWORD
CREATE ROLE roadworthy LOGIN PASSWORD :'password';
ALTER DATABASE roadworthy OWNER TO roadworthy;
