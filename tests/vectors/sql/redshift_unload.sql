-- statements: 3
unload ('select * from venue where venuestate=\'NV\'; ')
to 's3://bucket/prefix;' iam_role 'arn:aws:iam::123456789012:role/r' delimiter as '\t' allowoverwrite parallel off;
unload ($$ select 'a;b' $$) to 's3://b/k' iam_role default;
vacuum delete only t to 75 percent;
